// A model on disk: `config.json`, `model.safetensors` (one or more files) and `tokenizer.json`,
// by Hugging Face's names. What training leaves, what import reads and what eval loads.

internal import Checkpoints
package import Foundation
internal import Jobs
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
    let parameters = Parameters(layout: ParameterLayout(configuration))
    try copyWeights(from: folder, into: parameters)
    return LoadedModel(
      configuration: configuration, parameters: parameters, tokenizer: tokenizer)
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
    do {
      let weights = try SafetensorsFolder(folder)
      let names = weights.tensorNames
      for view in parameters.layout.views where names.contains(view.name) || !missing(view) {
        try weights.file(of: view.name).copy(
          view.name, shape: view.shape, into: parameters.values + view.offset)
      }
    } catch {
      throw unusable("\(error)")
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
