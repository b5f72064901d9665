import Checkpoints
import Foundation
import TestSupport
import Testing

struct ModelWeightsTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// One tensor of a file: its dtype, its shape and its bytes.
  private typealias Tensor = (name: String, type: String, shape: [Int], bytes: [UInt8])

  private func write(_ tensors: [Tensor]) throws {
    var entries: [String] = []
    var data: [UInt8] = []
    for tensor in tensors {
      let end = data.count + tensor.bytes.count
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),"
          + "\"data_offsets\":[\(data.count),\(end)]}")
      data += tensor.bytes
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init)
    try Data(length + header + data).write(to: folder["model.safetensors"])
  }

  private func bytes(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes(Array.init) }

  /// Eight outputs of two inputs.
  private let trits: [Int8] = [1, 0, -1, 0, 0, 1, -1, 1, 0, 1, 1, -1, 0, 0, 1, 1]

  private func writePacked(scale: [Float], changing byte: (at: Int, to: UInt8)? = nil) throws {
    var packed = PackedTernaryTensor.pack(trits, outputs: 8, inputs: 2)
    if let byte { packed[byte.at] = byte.to }
    try write([
      ("p.weight", "U8", [2, 2], packed), ("p.weight_scale", "F32", [scale.count], bytes(scale)),
    ])
  }

  private func latents(
    _ meaning: PackedTernaryTensor.ScaleMeaning
  ) throws -> [Float] {
    let weights = try ModelWeights(folder.url, packedScale: meaning)
    try weights.check("p.weight", shape: [8, 2], isTernary: true)
    try weights.requireNothingElse(than: ["p.weight"], tied: nil)
    var latents = [Float](repeating: .nan, count: 16)
    try weights.copy("p.weight", shape: [8, 2], isTernary: true, into: &latents)
    return latents
  }

  @Test func `the layout of packed trits is that of transformers`() {
    // Rows r, r + 2, r + 4, r + 6 share a byte, from the low bits up, as trit + 1.
    let packed = PackedTernaryTensor.pack(trits, outputs: 8, inputs: 2)
    #expect(packed == [0b01_01_01_10, 0b01_10_10_01, 0b10_10_00_00, 0b10_00_10_01])
  }

  @Test(arguments: [PackedTernaryTensor.ScaleMeaning.multiplied, .divided])
  func `packed weights become latents that round to their trits and their unit`(
    meaning: PackedTernaryTensor.ScaleMeaning
  ) throws {
    try writePacked(scale: [0.125])
    let latents = try latents(meaning)
    let unit = latents.reduce(0) { $0 + abs($1) } / Float(latents.count)
    #expect(abs(unit - (meaning == .multiplied ? 0.125 : 8)) <= 1e-6 * unit)
    let rounded = latents.map { Int8(min(1, max(-1, ($0 / unit).rounded(.toNearestOrEven)))) }
    #expect(rounded == trits)
  }

  @Test func `a packed matrix that cannot be is refused by its name`() throws {
    func expectRefusal() {
      #expect {
        try latents(.multiplied)
      } throws: { error in
        guard case .badPackedTensor(let name, _) = (error as? SafetensorsError)?.problem
        else { return false }
        return name.hasPrefix("p.weight")
      }
    }
    try writePacked(scale: [1], changing: (at: 3, to: 0b11_00_00_00))
    expectRefusal()
    for scale in [[0], [-1], [.nan], [.infinity], [1e-6], [1, 2], []] as [[Float]] {
      try writePacked(scale: scale)
      expectRefusal()
    }
    try write([
      ("p.weight", "I8", [2, 2], [0, 0, 0, 0]), ("p.weight_scale", "F32", [1], bytes([1])),
    ])
    expectRefusal()
  }

  @Test func `a tensor that the model does not have is refused, stored frequencies are not`() throws
  {
    let one = bytes([1])
    try write([
      ("a", "F32", [1], one), ("x.rotary_emb.inv_freq", "F32", [1], one),
      ("q_proj.bias", "F32", [1], one),
    ])
    let weights = try ModelWeights(folder.url)
    #expect {
      try weights.requireNothingElse(than: ["a"], tied: nil)
    } throws: { error in
      (error as? SafetensorsError)?.problem == .unexpectedTensor("q_proj.bias")
    }
    try weights.requireNothingElse(than: ["a", "q_proj.bias"], tied: nil)
  }

  @Test func `a tied head may be stored when it is the embedding`() throws {
    try write([("e", "F32", [1], bytes([1])), ("h", "F32", [1], bytes([1]))])
    try ModelWeights(folder.url).requireNothingElse(than: ["e"], tied: (head: "h", embedding: "e"))
    try write([("e", "F32", [1], bytes([1])), ("h", "F32", [1], bytes([2]))])
    #expect {
      try ModelWeights(folder.url)
        .requireNothingElse(than: ["e"], tied: (head: "h", embedding: "e"))
    } throws: { error in
      (error as? SafetensorsError)?.problem == .untiedHead(tensor: "h", embedding: "e")
    }
  }

  @Test func `a tensor of whole numbers is no weight`() throws {
    try write([("a", "U8", [4], [0, 0, 0, 0])])
    #expect(throws: SafetensorsError.self) {
      try ModelWeights(folder.url).check("a", shape: [4], isTernary: false)
    }
  }
}
