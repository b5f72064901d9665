// A student as a GGUF file.
//
// Trits are stored with a scale of 1 in every block, and the matrix's own scale as fp32 in a tensor
// of its own, `….scale`, which llama.cpp multiplies the product with: nothing is rounded to fp16.
// (I2_S has room for an fp32 scale behind the matrix.) A matrix whose rows are no multiple of 256 has
// no TQ2_0 or TQ1_0 form; its trits are then stored as Q4_0, exactly, and the summary says so.

internal import Checkpoints
package import Foundation
internal import Transformer

/// Writes GGUF files.
package enum GGUFExport {
  /// What was written.
  package struct Summary: Equatable, Sendable {
    package let architecture: GGUFArchitecture
    package let weights: GGUFWeights
    /// Tensors by the type that they are stored in, `F32` or `TQ2_0`.
    package let tensorCounts: [String: Int]
    /// What a user of the file must know.
    package let notes: [String]
  }

  /// Writes `model` to `url`; the file appears whole or not at all.
  ///
  /// - Parameters:
  ///   - weights: how the blocks' matrices are stored.
  ///   - embeddings: how the embedding and the head are stored: f32, f16, bf16 or q8_0.
  /// - Throws: `.notRepresentable` before anything is written, or `.unwritable`.
  @discardableResult
  package static func write(
    _ model: ExportedModel, weights: GGUFWeights, embeddings: GGUFWeights = .f16, to url: URL
  ) throws(FormatError) -> Summary {
    precondition(!embeddings.isTernary, "embeddings are not ternary")
    let architecture = try GGUFArchitecture.of(model.configuration, weights: weights)
    let vocabulary = try GGUFTokenizerMetadata(
      model.tokenizer, size: model.configuration.vocabSize)
    var tensors: [GGUFWriter.Tensor] = []
    for view in model.parameters.layout.views {
      tensors += try Self.tensors(
        view, model, architecture, weights: weights, embeddings: embeddings)
    }
    var metadata = Self.metadata(model, architecture, weights) + vocabulary.metadata
    if let template = model.chatTemplate {
      metadata.append(("tokenizer.chat_template", .string(template)))
    }
    do throws(FileError) {
      try GGUFWriter.write(to: url, metadata: metadata, tensors: tensors)
    } catch {
      throw .unwritable(error)
    }
    let counts = Dictionary(tensors.map { ($0.type.name, 1) }, uniquingKeysWith: +)
    return Summary(
      architecture: architecture, weights: weights, tensorCounts: counts,
      notes: notes(architecture, weights, hasFallback: counts["Q4_0"] != nil))
  }

  private static func notes(
    _ architecture: GGUFArchitecture, _ weights: GGUFWeights, hasFallback: Bool
  ) -> [String] {
    var notes: [String] = []
    switch weights {
    case .tq2_0, .tq1_0:
      notes.append(
        "Trained with 8-bit activations and one scale a token; llama.cpp takes one scale every 256"
          + " numbers.")
    case .i2_s: notes.append("For bitnet.cpp on x86; stock llama.cpp does not read I2_S.")
    case .f32, .f16, .bf16, .q8_0: break
    }
    if architecture == .bitnet158 {
      notes.append("Squared ReLU: stock llama.cpp does not build the architecture bitnet-b1.58.")
    }
    if hasFallback {
      notes.append(
        "Matrices whose rows are no multiple of 256 hold their trits as Q4_0, exactly, at 4.5 bits."
      )
    }
    return notes
  }

  private static func metadata(
    _ model: ExportedModel, _ architecture: GGUFArchitecture, _ weights: GGUFWeights
  ) -> [(key: String, value: GGUFWriter.Value)] {
    let configuration = model.configuration
    let prefix = architecture.rawValue
    func size(_ key: String, _ value: Int) -> (key: String, value: GGUFWriter.Value) {
      ("\(prefix).\(key)", .uint32(UInt32(value)))
    }
    return [
      ("general.architecture", .string(prefix)), ("general.type", .string("model")),
      ("general.name", .string(model.name)), ("general.file_type", .uint32(weights.fileType)),
      ("general.quantization_version", .uint32(2)),
      size("vocab_size", configuration.vocabSize),
      size("context_length", configuration.maxPositionEmbeddings),
      size("embedding_length", configuration.hiddenSize),
      size("block_count", configuration.numHiddenLayers),
      size("feed_forward_length", configuration.intermediateSize),
      size("attention.head_count", configuration.numAttentionHeads),
      size("attention.head_count_kv", configuration.numKeyValueHeads),
      size("attention.key_length", configuration.headDim),
      size("attention.value_length", configuration.headDim),
      size("rope.dimension_count", configuration.headDim),
      ("\(prefix).rope.freq_base", .float32(Float(configuration.ropeTheta))),
      ("\(prefix).attention.layer_norm_rms_epsilon", .float32(Float(configuration.rmsNormEps))),
    ]
  }

  /// One tensor of ours as one of the file, or two when its scale stands apart.
  private static func tensors(
    _ view: ParameterView, _ model: ExportedModel, _ architecture: GGUFArchitecture,
    weights: GGUFWeights, embeddings: GGUFWeights
  ) throws(FormatError) -> [GGUFWriter.Tensor] {
    let order = HeadOrder(
      headDim: architecture.interleavesHeads && GGUFNames.isRotated(view.name)
        ? model.configuration.headDim : nil)
    if view.isTernary {
      let matrix = TernaryTensor(
        name: view.name, rows: view.shape[0], columns: view.shape[1], values: model.values(view),
        order: order)
      return try matrix.tensors(weights)
    }
    let isInBlock = view.name.hasPrefix("model.layers.")
    let format = view.isMatrix ? (isInBlock ? weights : embeddings) : .f32
    let matrix = DenseTensor(
      name: view.name, shape: view.shape, values: model.values(view), order: order)
    return [try matrix.tensor(format)]
  }
}
