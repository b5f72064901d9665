// A model as the folder that Hugging Face's transformers loads.
//
// A ternary student becomes model type `bitnet`, either with bf16 master weights that transformers
// rounds in every forward pass (online), or with packed trits (offline). `linear_class` is always
// `autobitlinear`, so that `weight_scale` is the trits' unit; `bitlinear` would read it as its inverse.

internal import CKernels
internal import Checkpoints
package import Foundation
internal import Kernels
internal import Tokenization
package import Transformer

/// Writes Hugging Face's model folders.
package enum HuggingFaceExport {
  /// How the projections are stored.
  package enum Weights: String, CaseIterable, Sendable {
    case f32
    /// Embeddings and norms too.
    case bf16
    /// Trits at two bits and their fp32 unit. Embeddings and norms are fp32: transformers converts
    /// nothing of a packed model, and wants one type.
    case packed
  }

  /// Writes `config.json`, `model.safetensors` and `tokenizer.json` into an empty folder.
  ///
  /// - Returns: the `model_type`.
  /// - Throws: `.notRepresentable` before anything is written, or `.unwritable`.
  @discardableResult
  package static func write(
    _ model: ExportedModel, weights: Weights, into folder: URL
  ) throws(FormatError) -> String {
    let config = try HuggingFaceConfig(
      model.configuration, weights: weights, endOfText: model.tokenizer.endOfText)
    let tensors = try tensors(of: model, weights: weights)
    do throws(FileError) {
      try SafetensorsWriter.write(
        to: folder.appendingPathComponent("model.safetensors"), tensors: tensors,
        metadata: ["format": "pt"])
      try AtomicFile.write(config.json, to: folder.appendingPathComponent("config.json"))
      try AtomicFile.write(
        model.tokenizer.json, to: folder.appendingPathComponent("tokenizer.json"))
      if let template = model.chatTemplate {
        try AtomicFile.write(
          Data(template.utf8), to: folder.appendingPathComponent("chat_template.jinja"))
      }
    } catch {
      throw .unwritable(error)
    }
    return config.modelType
  }

  /// The `model_type` that a model would have.
  ///
  /// - Throws: `.notRepresentable`, naming what no architecture of transformers has.
  package static func modelType(
    of model: ModelConfiguration, weights: Weights
  ) throws(FormatError) -> String {
    try HuggingFaceConfig(model, weights: weights).modelType
  }

  private static func tensors(
    of model: ExportedModel, weights: Weights
  ) throws(FormatError) -> [SafetensorsWriter.Tensor] {
    var tensors: [SafetensorsWriter.Tensor] = []
    for view in model.parameters.layout.views {
      let values = model.values(view)
      if weights == .f32 || weights == .packed && !view.isTernary {
        tensors.append(.init(name: view.name, shape: view.shape, values: values))
      } else if view.isTernary {
        let matrix = LatentMatrix(view: view, values: values)
        tensors += try weights == .packed ? matrix.packed() : [matrix.master()]
      } else {
        tensors.append(
          .init(name: view.name, type: .bfloat16, shape: view.shape) { file throws(FileError) in
            let halves = AlignedBuffer<UInt16>(count: view.count)
            floats_to_bf16(values, view.count, halves.pointer)
            try file.write(UnsafeRawBufferPointer(start: halves.pointer, count: 2 * view.count))
          })
      }
    }
    return tensors
  }
}

/// A ternary matrix on its way into a safetensors file.
private struct LatentMatrix {
  let view: ParameterView
  /// `view.shape`.
  let values: UnsafePointer<Float>

  private func rounded() -> (trits: AlignedBuffer<Int8>, unit: Float) {
    let ternary = TernaryWeights(rows: view.shape[0], columns: view.shape[1])
    ternary.quantize(from: values, team: .shared)
    let trits = AlignedBuffer<Int8>(count: view.count)
    ternary.copyTrits(into: trits.pointer)
    return (trits, ternary.scale)
  }

  /// Two bits a weight, and the unit beside them.
  func packed() throws(FormatError) -> [SafetensorsWriter.Tensor] {
    let (outputs, inputs) = (view.shape[0], view.shape[1])
    guard outputs % PackedTernaryTensor.rowsPerByte == 0 else {
      throw .notRepresentable(
        format: "packed bitnet",
        feature: "\(view.name) with \(outputs) outputs: no multiple of"
          + " \(PackedTernaryTensor.rowsPerByte)")
    }
    let bytes = SafetensorsWriter.Tensor(
      name: view.name, type: .uint8, shape: [outputs / PackedTernaryTensor.rowsPerByte, inputs]
    ) { file throws(FileError) in
      let trits = rounded().trits
      try file.write(
        PackedTernaryTensor.pack(
          Array(UnsafeBufferPointer(start: trits.pointer, count: view.count)), outputs: outputs,
          inputs: inputs))
    }
    let scaleName = String(view.name.dropLast(".weight".count)) + ".weight_scale"
    let scale = SafetensorsWriter.Tensor(name: scaleName, type: .float32, shape: [1]) {
      file throws(FileError) in
      try file.write(withUnsafeBytes(of: rounded().unit.bitPattern.littleEndian, Array.init))
    }
    return [bytes, scale]
  }

  /// The latent weights in bf16, rounded so that they still give the same trits.
  func master() -> SafetensorsWriter.Tensor {
    .init(name: view.name, type: .bfloat16, shape: view.shape) { file throws(FileError) in
      let (trits, unit) = rounded()
      let halves = AlignedBuffer<UInt16>(count: view.count)
      // The rounded weights have another mean, which moves the threshold a little; a few rounds
      // settle it.
      var threshold = unit / 2
      for _ in 0..<4 {
        let sum = floats_to_bf16_keeping_trits(
          values, trits.pointer, view.count, threshold, halves.pointer)
        threshold = max(Float(sum / Double(view.count)), 1e-5) / 2
      }
      try file.write(UnsafeRawBufferPointer(start: halves.pointer, count: 2 * view.count))
    }
  }
}
