import Foundation
import TestSupport
import Testing

@testable import Checkpoints

struct GGUFTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private static func floats(
    _ name: String, _ shape: [Int], _ values: [Float]
  ) -> GGUFWriter.Tensor {
    GGUFWriter.Tensor(name: name, shape: shape, type: .float32) { file throws(FileError) in
      try file.write(values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
    }
  }

  /// A small file with a value of every kind that is written.
  private func example() throws -> URL {
    let url = folder["example.gguf"]
    try GGUFWriter.write(
      to: url,
      metadata: [
        ("general.architecture", .string("bitnet")), ("count", .uint32(7)),
        ("theta", .float32(1.5)), ("flag", .bool(true)), ("tokens", .strings(["a", "é", ""])),
        ("types", .int32s([-1, 2])), ("scores", .float32s([0.5, -2])),
      ],
      tensors: [
        Self.floats("matrix", [2, 3], [1, 2, 3, 4, 5, 6]), Self.floats("vector", [1], [9]),
      ])
    return url
  }

  private func problem(_ bytes: [UInt8]) throws -> GGUFError.Problem? {
    let url = folder["hostile.gguf"]
    try Data(bytes).write(to: url)
    do throws(GGUFError) {
      _ = try GGUFFile(mapping: url)
      return nil
    } catch {
      #expect(error.description.contains("hostile.gguf"))
      return error.problem
    }
  }

  @Test func `what was written is read back`() throws {
    let file = try GGUFFile(mapping: example())
    #expect(try file.string("general.architecture") == "bitnet")
    #expect(try file.integer("count") == 7)
    #expect(try file.number("theta") == 1.5)
    #expect(try file.number("count") == 7)
    #expect(try file.bool("flag") == true)
    #expect(try file.strings("tokens") == ["a", "é", ""])
    #expect(try file.integers("types") == [-1, 2])
    #expect(try file.numbers("scores") == [0.5, -2])
    #expect(try file.string("nothing") == nil)
    let matrix = try file.tensor("matrix", shape: [2, 3])
    #expect(matrix.byteRange.lowerBound % 32 == 0)
    let values = file.withBytes(of: matrix) { bytes in
      (0..<6).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    #expect(values == [1, 2, 3, 4, 5, 6])
  }

  @Test func `a value of another kind and a missing one are named`() throws {
    let file = try GGUFFile(mapping: example())
    #expect(throws: GGUFError.self) { try file.integer("flag") }
    #expect(throws: GGUFError.self) { try file.strings("types") }
    let error = #expect(throws: GGUFError.self) { try file.require("gone", file.string) }
    #expect(error?.problem == .missingKey("gone"))
    let shape = #expect(throws: GGUFError.self) { try file.tensor("vector", shape: [2]) }
    #expect(shape?.problem == .wrongShape(tensor: "vector", found: [1], expected: [2]))
  }

  @Test func `a file cut off anywhere is refused`() throws {
    let bytes = try Array(Data(contentsOf: example()))
    // The last tensor's 4 bytes are followed by padding only.
    for length in 0...(bytes.count - 29) {
      #expect(try problem(Array(bytes[..<length])) != nil, "\(length) of \(bytes.count) bytes")
    }
    #expect(try problem(Array(bytes[..<(bytes.count - 28)])) == nil)
  }

  /// A header of one pair, then one tensor's description as given.
  private func header(tensors: UInt64 = 0, pairs: UInt64 = 0, _ rest: [[UInt8]]) -> [UInt8] {
    Array("GGUF".utf8) + little(UInt32(3)) + little(tensors) + little(pairs) + rest.flatMap { $0 }
  }

  private func little(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  private func text(_ text: String) -> [UInt8] {
    little(UInt64(text.utf8.count)) + Array(text.utf8)
  }

  private func tensor(
    _ name: String, _ extents: [UInt64], type: UInt32 = 0, offset: UInt64 = 0
  ) -> [UInt8] {
    text(name) + little(UInt32(extents.count)) + extents.flatMap { little($0) } + little(type)
      + little(offset)
  }

  private let zeros = [UInt8](repeating: 0, count: 200)

  @Test func `absurd counts and lengths are refused before anything is allocated`() throws {
    #expect(try problem(header(tensors: .max, [zeros])) != nil)
    #expect(try problem(header(pairs: 1 << 62, [zeros])) != nil)
    #expect(try problem(header(pairs: 1, [little(UInt64.max), zeros])) != nil)
    let array = text("k") + little(UInt32(9)) + little(UInt32(8)) + little(UInt64(1) << 60)
    #expect(try problem(header(pairs: 1, [array, zeros])) != nil)
    let numbers = text("k") + little(UInt32(9)) + little(UInt32(12)) + little(UInt64(1) << 61)
    #expect(try problem(header(pairs: 1, [numbers, zeros])) != nil)
  }

  @Test func `sizes that overflow and offsets outside of the file are refused`() throws {
    for extents: [UInt64] in [[1 << 62, 4], [1 << 32, 1 << 32], [.max], [1 << 61]] {
      #expect(try problem(header(tensors: 1, [tensor("t", extents), zeros])) != nil, "\(extents)")
    }
    #expect(
      try problem(header(tensors: 1, [tensor("t", [2], offset: .max - 3), zeros]))
        == .outsideFile(tensor: "t", end: .max, dataBytes: 193))
    #expect(try problem(header(tensors: 1, [tensor("t", [2], offset: 1 << 40), zeros])) != nil)
    #expect(try problem(header(tensors: 1, [tensor("t", [2], offset: 4), zeros])) != nil)
    #expect(try problem(header(tensors: 1, [tensor("t", [1, 1, 1, 1, 1]), zeros])) != nil)
    #expect(try problem(header(tensors: 1, [tensor("t", [2]), zeros])) == nil)
  }

  @Test func `names twice, overlaps, unknown types and odd rows are named`() throws {
    #expect(
      try problem(header(tensors: 2, [tensor("t", [2]), tensor("t", [2], offset: 32), zeros]))
        == .duplicateName("t"))
    #expect(
      try problem(header(tensors: 2, [tensor("a", [9]), tensor("b", [2], offset: 32), zeros]))
        == .overlap(tensor: "b", start: 32, expected: 36))
    #expect(
      try problem(header(tensors: 1, [tensor("t", [2], type: 31), zeros]))
        == .unknownType(tensor: "t", number: 31))
    #expect(
      try problem(header(tensors: 1, [tensor("t", [100, 2], type: 35), zeros]))
        == .impossibleShape(tensor: "t", shape: [2, 100], type: "TQ2_0"))
    let key = text("k") + little(UInt32(7)) + [1]
    #expect(try problem(header(pairs: 2, [key, key, zeros])) == .duplicateName("k"))
  }

  @Test func `other formats, versions and byte orders are told apart`() throws {
    #expect(try problem(Array("GGML".utf8) + zeros) == .notGGUF)
    #expect(try problem([]) == .notGGUF)
    #expect(
      try problem(Array("GGUF".utf8) + little(UInt32(1)) + zeros) == .unsupportedVersion(1))
    #expect(
      try problem(Array("GGUF".utf8) + little(UInt32(3).byteSwapped) + zeros)
        == .unsupportedVersion(0x0300_0000))
  }

  @Test func `an alignment that is no power of two is refused`() throws {
    for alignment: UInt32 in [0, 24, 1 << 31] {
      let pair = text("general.alignment") + little(UInt32(4)) + little(alignment)
      #expect(try problem(header(pairs: 1, [pair, zeros])) != nil)
    }
  }
}
