// A model on disk: `config.json`, `model.safetensors` (one or more files) and `tokenizer.json`,
// by Hugging Face's names. What training leaves, what import reads and what eval loads.

package import Checkpoints
package import Foundation
package import Inference
internal import Jobs
package import Kernels
package import Tokenization
package import Transformer

/// A model that was read from a folder.
package struct LoadedModel {
  package let configuration: ModelConfiguration
  package let parameters: Parameters
  package let tokenizer: Tokenizer
}

package enum ModelFolder {
  /// Reads configuration, tokenizer and all weights.
  ///
  /// - Throws: `Problem` that names the file and what was expected of it.
  package static func load(_ folder: URL) throws -> LoadedModel {
    let configuration = try configuration(in: folder)
    let tokenizer = try tokenizer(in: folder)
    // Before anything of the configuration's size is allocated: a file may claim any size.
    try check(weights(in: folder), hold: ParameterLayout(configuration))
    let parameters = Parameters(layout: ParameterLayout(configuration))
    try copyWeights(from: folder, into: parameters)
    return LoadedModel(
      configuration: configuration, parameters: parameters, tokenizer: tokenizer)
  }

  /// Reads configuration and weights into the form that runs, one matrix after the other.
  ///
  /// - Parameter embeddings: how a ternary model keeps embedding and head; nil: in bf16. A model in
  ///   full precision is a teacher: what it says is not to be rounded.
  /// - Throws: `Problem` that names the file and what was expected of it.
  package static func packed(
    _ folder: URL, embeddings: DenseWeights.Storage? = nil, team: ComputeTeam
  ) throws -> InferenceModel {
    let configuration = try configuration(in: folder)
    let weights = try weights(in: folder)
    try check(weights, hold: ParameterLayout(configuration))
    do {
      return try InferenceModel(
        weights, configuration: configuration,
        embeddings: configuration.quantization == .ternary ? embeddings : nil, team: team)
    } catch {
      throw unusable("\(error)")
    }
  }

  /// Reads and checks `config.json`.
  package static func configuration(in folder: URL) throws -> ModelConfiguration {
    let file = folder.appendingPathComponent("config.json")
    do {
      let data = try Data(contentsOf: file)
      // Hugging Face's files name an architecture; our checkpoints say everything by field.
      let names = try JSONValue(parsing: Array(data))
      if names["model_type"] != nil { return try ModelConfiguration(huggingFace: data) }
      return try JSONDecoder().decode(ModelConfiguration.self, from: data).validated()
    } catch let error as HuggingFaceConfigurationError {
      throw unusable("\(file.path): \(error)")
    } catch let error as ModelConfigurationError {
      throw unusable("\(file.path): \(error)")
    } catch let error as DecodingError {
      throw unusable("\(file.path): \(Self.text(of: error))")
    } catch {
      throw unusable("\(file.path) cannot be read")
    }
  }

  /// Reads `tokenizer.json`.
  package static func tokenizer(in folder: URL) throws -> Tokenizer {
    let file = folder.appendingPathComponent("tokenizer.json")
    do {
      return try Tokenizer(contentsOf: file)
    } catch {
      throw unusable("\(file.path): \(error)")
    }
  }

  /// Copies every tensor of the layout from the folder's safetensors; each must have its shape.
  package static func copyWeights(
    from folder: URL, into parameters: Parameters, missing: (ParameterView) -> Bool = { _ in false }
  ) throws {
    let weights = try weights(in: folder)
    do {
      let names = weights.tensorNames
      for view in parameters.layout.views where names.contains(view.name) || !missing(view) {
        try weights.copy(
          view.name, shape: view.shape, isTernary: view.isTernary,
          into: parameters.values + view.offset)
      }
    } catch {
      throw unusable("\(error)")
    }
  }

  /// The folder's weights, checked to be those of a model of `configuration` and no more.
  package static func checkedWeights(
    in folder: URL, for configuration: ModelConfiguration
  ) throws -> ModelWeights {
    let weights = try weights(in: folder)
    let layout = ParameterLayout(configuration)
    try check(weights, hold: layout)
    do {
      try weights.requireNothingElse(
        than: Set(layout.views.map(\.name)),
        tied: configuration.tieWordEmbeddings
          ? (head: "lm_head.weight", embedding: "model.embed_tokens.weight") : nil)
    } catch {
      throw unusable("\(error)")
    }
    return weights
  }

  /// Refuses weights that lack a tensor of the layout, or have it in another shape.
  private static func check(_ weights: ModelWeights, hold layout: ParameterLayout) throws {
    do {
      for view in layout.views {
        try weights.check(view.name, shape: view.shape, isTernary: view.isTernary)
      }
    } catch {
      throw unusable("\(error)")
    }
  }

  private static func weights(in folder: URL) throws -> ModelWeights {
    let scale: PackedTernaryTensor.ScaleMeaning? =
      switch try storage(in: folder) {
      case .latent: nil
      case .packedMultiplied: .multiplied
      case .packedDivided: .divided
      }
    do {
      return try ModelWeights(folder, packedScale: scale)
    } catch {
      throw unusable("\(error)")
    }
  }

  private static func storage(in folder: URL) throws -> BitNetStorage {
    let file = folder.appendingPathComponent("config.json")
    guard let data = try? Data(contentsOf: file) else {
      throw unusable("\(file.path) cannot be read")
    }
    do {
      let names = try JSONValue(parsing: Array(data))
      return names["model_type"] == nil
        ? .latent : try ModelConfiguration.storage(huggingFace: data)
    } catch {
      throw unusable("\(file.path): \(error)")
    }
  }

  private static func unusable(_ detail: String) -> Problem {
    Problem(
      type: "urn:bitnet:problem:unusable-model", title: "The model cannot be used", detail: detail)
  }

  private static func text(of error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
    case .dataCorrupted(let context): context.debugDescription
    @unknown default: "not a model configuration"
    }
  }
}
