// A model of a GGUF file: its configuration and its weights as floats.
//
// Ternary matrices may come as TQ2_0, TQ1_0, I2_S, or as floats of one magnitude (what bitnet.cpp's
// converter writes as F16), with or without a tensor `….scale` beside them. They become latent weights
// that round to the same trits and the same scale.

internal import CKernels
package import Checkpoints
package import Foundation
internal import Kernels
package import Transformer

/// Reads models from GGUF files.
package struct GGUFImport {
  /// The file, for its vocabulary and its template.
  package let file: GGUFFile
  package let configuration: ModelConfiguration
  private let architecture: GGUFArchitecture

  /// Opens a file and checks that it holds every tensor of a model that is built here.
  package init(_ url: URL) throws(FormatError) {
    do throws(GGUFError) {
      file = try GGUFFile(mapping: url)
    } catch {
      throw .unreadable(error)
    }
    let metadata = GGUFModelMetadata(file)
    architecture = try metadata.architecture()
    configuration = try metadata.configuration(architecture)
    var expected: Set<String> = []
    for view in ParameterLayout(configuration).views {
      expected.insert(GGUFNames.name(view.name))
      if view.isMatrix { expected.insert(GGUFNames.scaleName(view.name)) }
      _ = try reading { () throws(GGUFError) in try tensor(view) }
    }
    // Frequencies of scaled RoPE, which the configuration has taken note of.
    expected.insert(GGUFModelMetadata.ropeFactors)
    for name in file.tensors.keys.sorted() where !expected.contains(name) {
      throw .unsupported(path: file.path, feature: "the tensor \(name)")
    }
  }

  /// Reads all weights.
  package func parameters() throws(FormatError) -> Parameters {
    let parameters = Parameters(layout: ParameterLayout(configuration))
    for view in parameters.layout.views {
      try read(view, into: parameters.values + view.offset)
    }
    return parameters
  }

  private func tensor(_ view: ParameterView) throws(GGUFError) -> GGUFTensor {
    let name = GGUFNames.name(view.name)
    let tensor = try file.tensor(name, shape: view.shape)
    guard GGUFNumbers.isRead(tensor.type) else {
      throw GGUFError(
        path: file.path,
        problem: .unsupportedTensor(tensor: name, type: tensor.type.name))
    }
    return tensor
  }

  private func read(
    _ view: ParameterView, into destination: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    let tensor = try reading { () throws(GGUFError) in try self.tensor(view) }
    let columns = view.shape.count == 2 ? view.shape[1] : 1
    let rows = view.count / columns
    let order = HeadOrder(
      headDim: architecture.interleavesHeads
        && GGUFNames.isRotated(view.name) ? configuration.headDim : nil)
    file.withBytes(of: tensor) { bytes in
      GGUFNumbers(type: tensor.type, bytes: bytes, columns: columns).read(
        rows: rows, order: order, into: destination)
    }
    let scale = try scale(of: view)
    if view.isTernary {
      try makeLatent(view, destination, scale: scale)
    } else if scale != 1 {
      scale_floats(destination, view.count, scale, destination)
    }
  }

  /// The number beside a matrix; 1 where there is none.
  private func scale(of view: ParameterView) throws(FormatError) -> Float {
    let name = GGUFNames.scaleName(view.name)
    guard view.isMatrix, file.tensors[name] != nil else { return 1 }
    let tensor = try reading { () throws(GGUFError) in try file.tensor(name, shape: [1]) }
    guard tensor.type == .float32 else {
      throw .unsupported(path: file.path, feature: "\(name) as \(tensor.type.name)")
    }
    let scale = file.withBytes(of: tensor) { Float(bitPattern: $0.loadUnaligned(as: UInt32.self)) }
    guard scale.isFinite, scale > 0 else {
      throw .unsupported(path: file.path, feature: "\(name) of \(scale)")
    }
    return scale
  }

  /// Turns trits times their unit into latent weights that round to them.
  private func makeLatent(
    _ view: ParameterView, _ values: UnsafeMutablePointer<Float>, scale: Float
  ) throws(FormatError) {
    var nonZero = 0
    let magnitude = common_magnitude(values, view.count, &nonZero)
    let unit = Double(magnitude) * Double(scale)
    // Below this the rounding's own bound would take over (RECIPE §2).
    guard magnitude == 0 || unit >= 1e-5, unit.isFinite, magnitude >= 0 else {
      throw .unsupported(
        path: file.path,
        feature: "\(GGUFNames.name(view.name)), which is not ternary with one scale of at least"
          + " 1e-5,")
    }
    guard nonZero > 0 else { return }
    let latent = PackedTernaryTensor.latentMagnitude(
      unit: unit, nonZero: nonZero, total: view.count)
    scale_floats(values, view.count, latent / magnitude, values)
  }

  private func reading<Value>(
    _ body: () throws(GGUFError) -> Value
  ) throws(FormatError) -> Value {
    do throws(GGUFError) { return try body() } catch { throw .unreadable(error) }
  }
}

/// The bytes of a tensor, read row by row as floats.
private struct GGUFNumbers {
  let type: GGUFTensorType
  let bytes: UnsafeRawBufferPointer
  let columns: Int

  static func isRead(_ type: GGUFTensorType) -> Bool {
    switch type {
    case .float32, .float16, .bfloat16, .q8_0, .q4_0, .tq2_0, .tq1_0, .i2_S: true
    default: false
    }
  }

  /// Writes row after row to where `order` puts it.
  func read(rows: Int, order: HeadOrder, into destination: UnsafeMutablePointer<Float>) {
    guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
    let rowBytes = columns / type.blockElements * type.blockBytes
    let scale =
      type == .i2_S
      ? Float(bitPattern: bytes.loadUnaligned(fromByteOffset: rows * rowBytes, as: UInt32.self)) : 1
    for place in 0..<rows {
      let source = base + place * rowBytes
      let row = destination + order.row(at: place) * columns
      switch type {
      case .float16: gguf_read_f16(source, columns, row)
      case .bfloat16: gguf_read_bf16(source, columns, row)
      case .q8_0: gguf_read_q8_0(source, columns, row)
      case .q4_0: gguf_read_q4_0(source, columns, row)
      case .tq2_0: gguf_read_tq2_0(source, columns, row)
      case .tq1_0: gguf_read_tq1_0(source, columns, row)
      case .i2_S: gguf_read_i2_s(source, columns, scale, row)
      default: gguf_read_f32(source, columns, row)
      }
    }
  }
}
