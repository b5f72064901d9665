// A packed model in one file: a safetensors file whose tensors lie as the kernels read them, so that
// they are mapped and used where they are.
//
//   __metadata__  format "bitnet-packed", version "1", configuration (our config.json), embeddings
//                 and projections (how what is not ternary is stored)
//   tensors       by Hugging Face's names; ternary ones are U8 [bytes] in the layout of
//                 packed_kernels.h with their scale in NAME_scale, F32 [1]; int8 and int4 ones are U8
//                 [bytes] in that of packed_rows.h; bf16, fp32 and vectors are plain
//
// The order, ternary first and bf16 last, keeps every tensor aligned to what its elements need.

package import Checkpoints
package import Foundation
internal import Kernels
internal import Transformer

/// Why a packed model cannot be read.
package enum PackedModelError: Error, Equatable, Sendable {
  /// The container is damaged, or a tensor is not there or of the wrong shape.
  case file(SafetensorsError)
  /// Another kind of file, or one of another version of this program.
  case notPacked(path: String)
  /// What the metadata say cannot be a model.
  case badConfiguration(path: String, reason: String)
  /// A tensor is not what the configuration asks for.
  case badTensor(path: String, name: String, reason: String)
}

extension PackedModelError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .file(let error): error.description
    case .notPacked(let path): "\(path) is not a packed model of version \(PackedModelFile.version)"
    case .badConfiguration(let path, let reason): "\(path): the configuration: \(reason)"
    case .badTensor(let path, let name, let reason): "\(path): tensor \(name) \(reason)"
    }
  }
}

package enum PackedModelFile {
  static let format = "bitnet-packed"
  static let version = "1"
  /// By which a ternary tensor's scale is found.
  static let scaleSuffix = "_scale"

  /// Writes a model; the file appears whole or not at all.
  package static func write(_ model: InferenceModel, to url: URL) throws(FileError) {
    var metadata = ["format": format, "version": version]
    // A value that was validated is always encoded.
    let json = (try? JSONEncoder().encode(model.configuration)) ?? Data()
    metadata["configuration"] = String(decoding: json, as: UTF8.self)
    metadata["embeddings"] = model.embedding.storage.rawValue
    metadata["projections"] = model.projectionStorage.rawValue
    try SafetensorsWriter.write(to: url, tensors: model.storedTensors, metadata: metadata)
  }

  /// Maps a model; what is read of it is what runs. The bits of a hostile file can only give wrong
  /// answers.
  package static func open(_ url: URL) throws(PackedModelError) -> InferenceModel {
    let file: SafetensorsFile
    do throws(SafetensorsError) { file = try SafetensorsFile(mapping: url) } catch {
      throw .file(error)
    }
    guard file.metadata["format"] == format, file.metadata["version"] == version,
      let embeddings = file.metadata["embeddings"].flatMap(DenseWeights.Storage.init(rawValue:)),
      let projections = file.metadata["projections"].flatMap(DenseWeights.Storage.init(rawValue:))
    else { throw .notPacked(path: file.path) }
    let configuration = try configuration(of: file)
    let source = PackedFileSource(
      file: file, layout: ParameterLayout(configuration), embeddings: embeddings,
      projections: projections)
    return try InferenceModel(configuration, from: source)
  }

  private static func configuration(
    of file: SafetensorsFile
  ) throws(PackedModelError) -> ModelConfiguration {
    do {
      let json = Data((file.metadata["configuration"] ?? "").utf8)
      return try JSONDecoder().decode(ModelConfiguration.self, from: json).validated()
    } catch let error as ModelConfigurationError {
      throw .badConfiguration(path: file.path, reason: error.description)
    } catch {
      throw .badConfiguration(path: file.path, reason: "it is no JSON of a configuration")
    }
  }
}

/// Finds tensors in a mapped file.
private struct PackedFileSource: TensorSource {
  let file: SafetensorsFile
  let layout: ParameterLayout
  let embeddings: DenseWeights.Storage
  let projections: DenseWeights.Storage

  func vector(_ name: String) throws(PackedModelError) -> [Float]? {
    guard let view = layout[name] else { return nil }
    return try floats(name, shape: view.shape)
  }

  func embedding(_ name: String) throws(PackedModelError) -> DenseWeights {
    try dense(name, embeddings)
  }

  func projection(_ name: String) throws(PackedModelError) -> Projection {
    let weight = name + ".weight"
    guard layout[weight]?.isTernary == true else {
      return Projection(
        weights: .dense(try dense(weight, projections)), bias: try vector(name + ".bias"))
    }
    let (rows, columns) = try shape(weight, columnLimit: PackedTernary.columnLimit)
    let bytes = try bytes(
      weight, .uint8, [PackedTernary.byteCount(rows: rows, columns: columns)], alignment: 64)
    let scale = try floats(weight + PackedModelFile.scaleSuffix, shape: [1])[0]
    let packed = PackedTernary(bytes, rows: rows, columns: columns, scale: scale)
    return Projection(weights: .packed(packed), bias: try vector(name + ".bias"))
  }

  private func dense(
    _ name: String, _ storage: DenseWeights.Storage
  ) throws(PackedModelError) -> DenseWeights {
    let (rows, columns) = try shape(name, columnLimit: storage.columnLimit)
    let byteCount = storage.byteCount(rows: rows, columns: columns)
    let bytes =
      switch storage {
      case .fp32: try bytes(name, .float32, [rows, columns], alignment: 4)
      case .bf16: try bytes(name, .bfloat16, [rows, columns], alignment: 2)
      case .int8, .int4: try bytes(name, .uint8, [byteCount], alignment: 4)
      }
    return DenseWeights(bytes, rows: rows, columns: columns, storage: storage)
  }

  private func shape(
    _ name: String, columnLimit: Int
  ) throws(PackedModelError) -> (rows: Int, columns: Int) {
    // The names come from the same layout.
    guard let shape = layout[name]?.shape, shape.count == 2 else {
      preconditionFailure("the layout of this configuration has no matrix \(name)")
    }
    guard shape[1] < columnLimit else {
      throw .badTensor(
        path: file.path, name: name, reason: "has \(shape[1]) columns, \(columnLimit) or more")
    }
    return (shape[0], shape[1])
  }

  private func bytes(
    _ name: String, _ type: SafetensorsType, _ shape: [Int], alignment: Int
  ) throws(PackedModelError) -> WeightBytes {
    let info: TensorInfo
    do throws(SafetensorsError) { info = try file.info(name, shape: shape) } catch {
      throw .file(error)
    }
    guard info.type == type else {
      throw .badTensor(
        path: file.path, name: name, reason: "is \(info.type.rawValue), not \(type.rawValue)")
    }
    let (bytes, owner) = file.mappedBytes(of: info)
    guard let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(alignment) == 0 else {
      throw .badTensor(
        path: file.path, name: name, reason: "is not aligned to \(alignment) bytes")
    }
    return WeightBytes(
      pointer: base.assumingMemoryBound(to: UInt8.self), count: bytes.count, owner: owner)
  }

  private func floats(_ name: String, shape: [Int]) throws(PackedModelError) -> [Float] {
    do throws(SafetensorsError) {
      _ = try file.info(name, shape: shape)
      return try file.floats(name)
    } catch { throw .file(error) }
  }
}

extension InferenceModel {
  /// How full-precision projections are stored; without any, as the embedding is.
  fileprivate var projectionStorage: DenseWeights.Storage {
    guard case .dense(let weights)? = blocks.first?.query.weights else { return embedding.storage }
    return weights.storage
  }

  /// Every tensor, in the order of the file: ternary, packed rows, floats, bf16.
  fileprivate var storedTensors: [SafetensorsWriter.Tensor] {
    var tensors: [[SafetensorsWriter.Tensor]] = [[], [], [], []]
    func add(_ name: String, _ values: [Float]?) {
      guard let values else { return }
      let buffer = AlignedBuffer<Float>(count: values.count)
      for (index, value) in values.enumerated() { buffer[index] = value }
      tensors[2].append(
        SafetensorsWriter.Tensor(name: name, type: .float32, shape: [values.count]) {
          file throws(FileError) in try file.write(UnsafeRawBufferPointer(buffer.elements))
        })
    }
    func add(
      _ name: String, _ bytes: WeightBytes, _ type: SafetensorsType, _ shape: [Int], place: Int
    ) {
      tensors[place].append(
        SafetensorsWriter.Tensor(name: name, type: type, shape: shape) {
          file throws(FileError) in try file.write(bytes.buffer)
        })
    }
    func add(_ name: String, _ weights: DenseWeights) {
      let shape = [weights.rows, weights.columns]
      switch weights.storage {
      case .fp32: add(name, weights.bytes, .float32, shape, place: 2)
      case .bf16: add(name, weights.bytes, .bfloat16, shape, place: 3)
      case .int8, .int4: add(name, weights.bytes, .uint8, [weights.byteCount], place: 1)
      }
    }
    func add(_ name: String, _ projection: Projection) {
      let weight = name + ".weight"
      switch projection.weights {
      case .dense(let weights): add(weight, weights)
      case .packed(let weights):
        add(weight, weights.bytes, .uint8, [weights.byteCount], place: 0)
        add(weight + PackedModelFile.scaleSuffix, [weights.scale])
      }
      add(name + ".bias", projection.bias)
    }
    add("model.embed_tokens.weight", embedding)
    if head !== embedding { add("lm_head.weight", head) }
    add("model.norm.weight", finalGain)
    for (index, block) in blocks.enumerated() {
      let name = "model.layers.\(index)."
      add(name + "input_layernorm.weight", block.attentionGain)
      add(name + "self_attn.q_proj", block.query)
      add(name + "self_attn.k_proj", block.key)
      add(name + "self_attn.v_proj", block.value)
      add(name + "self_attn.q_norm.weight", block.queryGain)
      add(name + "self_attn.k_norm.weight", block.keyGain)
      add(name + "self_attn.attn_sub_norm.weight", block.attendedGain)
      add(name + "self_attn.o_proj", block.output)
      add(name + "post_attention_layernorm.weight", block.mlpGain)
      add(name + "mlp.gate_proj", block.gate)
      add(name + "mlp.up_proj", block.up)
      add(name + "mlp.ffn_sub_norm.weight", block.productGain)
      add(name + "mlp.down_proj", block.down)
    }
    return tensors.flatMap(\.self)
  }
}
