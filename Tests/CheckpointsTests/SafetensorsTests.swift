import Foundation
import Glibc
import TestSupport
import Testing

@testable import Checkpoints

struct SafetensorsTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// A file with a header as given and `dataBytes` zero bytes after it.
  private func file(header: String, dataBytes: Int) throws -> URL {
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
    bytes += Array(header.utf8) + [UInt8](repeating: 0, count: dataBytes)
    let url = folder["t.safetensors"]
    try Data(bytes).write(to: url)
    return url
  }

  private func problem(header: String, dataBytes: Int) throws -> SafetensorsError.Problem? {
    let url = try file(header: header, dataBytes: dataBytes)
    do throws(SafetensorsError) {
      _ = try SafetensorsFile(mapping: url)
      return nil
    } catch {
      #expect(error.path == url.path)
      #expect(error.description.contains("t.safetensors"))
      return error.problem
    }
  }

  private func write(_ tensors: [(String, [Int], [Float])], to url: URL) throws {
    // Kept alive by hand because pointers go into the writer.
    let buffers = tensors.map { tensor in
      let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: tensor.2.count + 1)
      for (index, value) in tensor.2.enumerated() { buffer[index] = value }
      return buffer
    }
    defer { buffers.forEach { $0.deallocate() } }
    try SafetensorsWriter.write(
      to: url,
      tensors: zip(tensors, buffers).compactMap { tensor, buffer in
        buffer.baseAddress.map { .init(name: tensor.0, shape: tensor.1, values: UnsafePointer($0)) }
      }, metadata: ["format": "pt", "quote\"": "line\nbreak \u{1} é"])
  }

  @Test func `what was written is read back, bit by bit`() throws {
    let values: [Float] = [1, -0.0, .infinity, .leastNonzeroMagnitude, 3.25, -7]
    try write(
      [("b", [2, 3], values), ("a é\\", [], [9]), ("empty", [0, 4], [])], to: folder["m"])
    let file = try SafetensorsFile(mapping: folder["m"])
    #expect(try file.floats("b").map(\.bitPattern) == values.map(\.bitPattern))
    #expect(try file.floats("a é\\") == [9])
    #expect(try file.floats("empty") == [])
    #expect(try file.info("b").shape == [2, 3])
    #expect(file.metadata == ["format": "pt", "quote\"": "line\nbreak \u{1} é"])
  }

  @Test func `data starts at a multiple of 64 bytes`() throws {
    for length in 1...70 {
      let name = String(repeating: "n", count: length)
      try write([(name, [1], [4])], to: folder["m"])
      #expect(try SafetensorsFile(mapping: folder["m"]).info(name).byteRange.lowerBound % 64 == 0)
    }
  }

  @Test func `half precision numbers are widened exactly`() throws {
    let header = """
      {"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},\
      "b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}}
      """
    let url = try file(header: header, dataBytes: 0)
    var data = try Data(contentsOf: url)
    for bits: UInt16 in [
      Float16(1.5).bitPattern, Float16(-0.0999755859375).bitPattern, 0x3FC0, 0xC2F7,
    ] {
      withUnsafeBytes(of: bits.littleEndian) { data.append(contentsOf: $0) }
    }
    try data.write(to: url)
    let opened = try SafetensorsFile(mapping: url)
    #expect(try opened.floats("h") == [1.5, -0.0999755859375])
    #expect(try opened.floats("b") == [1.5, -123.5])
  }

  @Test func `a wrong shape, a missing tensor and an integer tensor are named`() throws {
    let url = try file(
      header: #"{"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, dataBytes: 8)
    let opened = try SafetensorsFile(mapping: url)
    #expect(throws: SafetensorsError(path: url.path, problem: .missingTensor("y"))) {
      try opened.floats("y")
    }
    #expect(
      throws: SafetensorsError(
        path: url.path, problem: .wrongShape(tensor: "x", found: [1], expected: [2]))
    ) { try opened.info("x", shape: [2]) }
    #expect(
      throws: SafetensorsError(
        path: url.path, problem: .notFloatingPoint(tensor: "x", type: "I64"))
    ) { try opened.floats("x") }
  }

  @Test func `offsets outside of the file are refused`() throws {
    let header = #"{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#
    #expect(
      try problem(header: header, dataBytes: 11)
        == .outsideFile(tensor: "x", end: 12, dataBytes: 11))
    let reversed = #"{"x":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}}"#
    #expect(
      try problem(header: reversed, dataBytes: 12)
        == .outsideFile(tensor: "x", end: 12, dataBytes: 12))
  }

  @Test func `tensors that overlap, leave a gap or leave bytes over are refused`() throws {
    let overlap = """
      {"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},\
      "y":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}
      """
    #expect(
      try problem(header: overlap, dataBytes: 6)
        == .overlapOrGap(tensor: "y", start: 2, expected: 4))
    let gap = #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}"#
    #expect(
      try problem(header: gap, dataBytes: 5) == .overlapOrGap(tensor: "x", start: 1, expected: 0))
    let over = #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#
    #expect(try problem(header: over, dataBytes: 5) == .trailingBytes(1))
  }

  @Test func `shapes that overflow, and numbers beyond 63 bits, are refused`() throws {
    let shape = """
      {"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}
      """
    #expect(try problem(header: shape, dataBytes: 0) == .shapeTooLarge(tensor: "x"))
    let number = """
      {"x":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}
      """
    guard case .malformed(_, "a number below 2^63") = try problem(header: number, dataBytes: 0)
    else {
      Issue.record("expected a refusal of the number")
      return
    }
    let wrong = #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#
    #expect(
      try problem(header: wrong, dataBytes: 4)
        == .sizeMismatch(tensor: "x", shapeBytes: 8, offsetBytes: 4))
  }

  @Test func `an absurd count of dimensions is refused before it is stored`() throws {
    let ones = Array(repeating: "1", count: 100_000).joined(separator: ",")
    let header = #"{"x":{"dtype":"U8","shape":[\#(ones)],"data_offsets":[0,1]}}"#
    guard case .malformed(_, "at most 64 numbers") = try problem(header: header, dataBytes: 1)
    else {
      Issue.record("expected a refusal of the count")
      return
    }
  }

  @Test(arguments: [
    "", "[]", "{", "{}x", #"{"x"}"#, #"{"x":1}"#, #"{"x":{}}"#, #"{"x":{"dtype":"F32"}}"#,
    #"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}"#,
    #"{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,0]}}"#,
    #"{"x":{"dtype":"F32","shape":[0],"data_offsets":[0]}}"#,
    #"{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"more":[]}}"#,
    #"{"x":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#,
    #"{"x":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#,
    #"{"__metadata__":{"a":1}}"#, "{\"\u{1}\":{}}", #"{"\ud800":{}}"#, #"{"\q":{}}"#,
  ])
  func `a header that is not the expected JSON is refused at its byte`(header: String) throws {
    guard case .malformed = try problem(header: header, dataBytes: 0) else {
      Issue.record("expected a malformed header")
      return
    }
  }

  @Test func `names that appear twice are refused`() throws {
    let tensor = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#
    #expect(
      try problem(header: #"{"x":\#(tensor),"x":\#(tensor)}"#, dataBytes: 0)
        == .duplicateName("x"))
    #expect(
      try problem(header: #"{"__metadata__":{"a":"1","a":"2"}}"#, dataBytes: 0)
        == .duplicateName("__metadata__.a"))
  }

  @Test func `a file cut at any byte is refused`() throws {
    try write([("x", [2, 2], [1, 2, 3, 4]), ("y", [1], [5])], to: folder["m"])
    let whole = try Data(contentsOf: folder["m"])
    for count in 0..<whole.count {
      try whole.prefix(count).write(to: folder["cut"])
      #expect(throws: SafetensorsError.self, "cut at \(count)") {
        try SafetensorsFile(mapping: folder["cut"])
      }
    }
  }

  @Test func `random damage to a header never ends the process`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix64(seed: seed)
    try write([("x", [2, 2], [1, 2, 3, 4]), ("y", [1], [5])], to: folder["m"])
    let whole = [UInt8](try Data(contentsOf: folder["m"]))
    for _ in 0..<5_000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(Array("{}[],:\"9\\".utf8).randomElement(using: &random)!, at: place)
        default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
      }
      bytes.withUnsafeBytes { raw in
        guard let header = try? SafetensorsHeader(raw) else { return }
        #expect(header.tensors.values.allSatisfy { $0.byteRange.upperBound <= raw.count })
      }
    }
  }

  @Test func `folders, pipes and missing files are refused`() throws {
    mkfifo(folder["pipe"].path, 0o644)
    for name in ["", "pipe", "missing"] {
      #expect(throws: SafetensorsError.self) { try SafetensorsFile(mapping: folder[name]) }
    }
  }

  @Test func `a failing disk leaves no file under the final name`() throws {
    for failing in 0..<6 {
      let counter = Counter()
      FileFailpoint.$check.withValue({ _, _ in
        counter.next() == failing ? .shortWrite(ENOSPC) : nil
      }) {
        #expect(throws: FileError.self, "operation \(failing)") {
          try write([("x", [2], [1, 2]), ("y", [1], [5])], to: folder["m"])
        }
      }
      #expect(try folder.names == [], "operation \(failing)")
    }
  }

  @Test func `shards are found through the index`() throws {
    try write([("x", [2], [1, 2])], to: folder["a.safetensors"])
    try write([("y", [1], [5])], to: folder["b.safetensors"])
    let index = folder["model.safetensors.index.json"]
    try Data(
      #"{"metadata":{"total_size":[1.5e3,{}]},"weight_map":{"x":"a.safetensors","y":"b.safetensors"}}"#
        .utf8
    ).write(to: index)
    let model = try SafetensorsFolder(folder.url)
    #expect(model.tensorNames == ["x", "y"])
    #expect(try model.file(of: "y").floats("y") == [5])
    #expect(throws: SafetensorsError.self) { try model.file(of: "z") }
  }

  @Test(arguments: [
    #"{"weight_map":{"x":"../secret"}}"#, #"{"weight_map":{"x":"/etc/passwd"}}"#,
    #"{"weight_map":{"x":".."}}"#, #"{"weight_map":{"x":""}}"#, #"{}"#,
    #"{"weight_map":{"x":"absent.safetensors"}}"#, #"{"weight_map":{"z":"a.safetensors"}}"#,
    #"{"weight_map":{},"weight_map":{}}"#,
    "{\"a\":" + String(repeating: "[", count: 100_000),
  ])
  func `a hostile index is refused`(index: String) throws {
    try write([("x", [2], [1, 2])], to: folder["a.safetensors"])
    try Data(index.utf8).write(to: folder["model.safetensors.index.json"])
    #expect(throws: SafetensorsError.self) { try SafetensorsFolder(folder.url) }
  }
}
