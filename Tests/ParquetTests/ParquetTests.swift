import Foundation
import Testing

@testable import Parquet

/// The bytes of a file in memory, where a reader can use them.
// Sendable because nobody writes to the bytes after init.
private final class Memory: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  init(_ data: [UInt8]) {
    bytes = .allocate(byteCount: data.count, alignment: 64)
    bytes.copyBytes(from: data)
  }

  deinit { bytes.deallocate() }
}

struct ParquetTests {
  private let columns = [
    ParquetColumn("id", .int64, encoding: .delta), ParquetColumn("position", .int32),
    ParquetColumn("mass", .float32, encoding: .streamSplit), ParquetColumn("flag", .bool),
    ParquetColumn("ids", .int32List, encoding: .streamSplit, zstdLevel: 9),
    ParquetColumn("weights", .float32List, encoding: .streamSplit),
    ParquetColumn("text", .text), ParquetColumn("pieces", .bytesList, zstdLevel: 3),
  ]

  private func group(rows: Int, from start: Int) -> [ParquetValues] {
    let lengths = (0..<rows).map { ($0 + start) % 4 }
    let offsets = lengths.reduce(into: [Int32(0)]) { $0.append($0[$0.count - 1] + Int32($1)) }
    let count = Int(offsets[rows])
    let texts = (0..<rows).map { $0 % 5 == 0 ? "" : "text é \($0)" }
    var pieces: [UInt8] = []
    var ends: [Int32] = [0]
    for index in 0..<count {
      pieces.append(contentsOf: repeatElement(UInt8(index % 256), count: index % 3))
      ends.append(Int32(pieces.count))
    }
    return [
      .int64((0..<rows).map { Int64($0 + start) << 33 }), .int32((0..<rows).map { -Int32($0) }),
      .float32((0..<rows).map { Float($0) * -0.1 }),
      .bool((0..<rows).map { ($0 + start) % 3 == 0 }),
      .int32List((0..<count).map { Int32($0 * 7919 % 150_000) }, offsets: offsets),
      .float32List((0..<count).map { -Float($0) / 3 }, offsets: offsets),
      .texts(texts), .bytesList(pieces, ends: ends, offsets: offsets),
    ]
  }

  private func file(_ groups: [[ParquetValues]], columns: [ParquetColumn]? = nil) throws -> [UInt8]
  {
    var bytes: [UInt8] = []
    let writer = try ParquetWriter(columns: columns ?? self.columns) {
      bytes.append(contentsOf: $0)
    }
    for group in groups { try writer.write(group) }
    try writer.finish(metadata: ["schema": "é 1", "empty": ""])
    return bytes
  }

  private func readAll(_ data: [UInt8]) throws(ParquetError) -> [[ParquetValues]] {
    let memory = Memory(data)
    let reader = try ParquetReader(
      UnsafeRawBufferPointer(memory.bytes), owner: memory, columns: columns)
    var groups: [[ParquetValues]] = []
    for group in reader.groupRowCounts.indices { groups.append(try reader.read(group: group)) }
    return groups
  }

  @Test func `values of every kind come back bit by bit`() throws {
    let groups = [group(rows: 1000, from: 0), group(rows: 1, from: 1000), group(rows: 37, from: 3)]
    #expect(try readAll(file(groups)) == groups)
  }

  @Test func `lists of more values than are read at once come back`() throws {
    let large = group(rows: 20_000, from: 1)
    #expect(try readAll(file([large])) == [large])
  }

  @Test func `lists so alike that the file is tiny come back`() throws {
    let columns = [ParquetColumn("ids", .int32List)]
    let alike = ParquetValues.int32List(
      [Int32](repeating: 7, count: 400_000), offsets: (0...20_000).map { $0 * 20 })
    let data = try file([[alike]], columns: columns)
    #expect(data.count < 400_000 / 64)
    let memory = Memory(data)
    let reader = try ParquetReader(
      UnsafeRawBufferPointer(memory.bytes), owner: memory, columns: columns)
    #expect(try reader.read(group: 0) == [alike])
  }

  @Test func `lists that are all empty, and a group without rows, come back`() throws {
    var empty = group(rows: 3, from: 0)
    empty[4] = .int32List([], offsets: [0, 0, 0, 0])
    empty[5] = .float32List([], offsets: [0, 0, 0, 0])
    empty[7] = .bytesList([], ends: [0], offsets: [0, 0, 0, 0])
    #expect(try readAll(file([empty])) == [empty])
    #expect(try readAll(file([])) == [])
    let none = group(rows: 0, from: 0)
    #expect(try readAll(file([none])) == [none])
  }

  @Test func `metadata and chosen columns are read without the rest`() throws {
    let memory = Memory(try file([group(rows: 10, from: 0)]))
    let reader = try ParquetReader(
      UnsafeRawBufferPointer(memory.bytes), owner: memory, columns: columns)
    #expect(reader.metadata("schema") == "é 1")
    #expect(reader.metadata("empty") == "")
    #expect(reader.metadata("absent") == nil)
    #expect(reader.groupRowCounts == [10])
    let expected = group(rows: 10, from: 0)
    #expect(try reader.read(group: 0, columns: [5, 1]) == [expected[5], expected[1]])
  }

  @Test func `a column that is missing or of another type is named`() throws {
    var others = columns
    others[1] = ParquetColumn("position", .float32)
    var values = group(rows: 2, from: 0)
    values[1] = .float32([1, 2])
    let wrongType = try file([values], columns: others)
    #expect(throws: ParquetError(reason: "column position is float, expected int32")) {
      try readAll(wrongType)
    }
    let missing = try file([Array(values.dropLast())], columns: others.dropLast())
    others[1] = columns[1]
    #expect(throws: ParquetError.self) { try readAll(missing) }
  }

  @Test func `what the store throws is what the writer throws, and no footer follows`() throws {
    struct DiskFull: Error {}
    var calls = 0
    do {
      let writer = try ParquetWriter(columns: columns) { _ in
        calls += 1
        if calls > 3 { throw DiskFull() }
      }
      #expect(throws: DiskFull.self) {
        try writer.write(group(rows: 100, from: 0))
        try writer.finish(metadata: [:])
      }
    }
    #expect(calls == 4)
  }

  @Test func `a file cut anywhere is refused`() throws {
    let whole = try file([group(rows: 50, from: 0)])
    for count in 0..<whole.count {
      #expect(throws: ParquetError.self, "cut at \(count)") {
        try readAll(Array(whole.prefix(count)))
      }
    }
  }

  @Test func `text, and random bytes between the magic words, are refused`() throws {
    #expect(throws: ParquetError.self) { try readAll(Array("hello, I am a text file".utf8)) }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let middle = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
      let length: [UInt8] = [60, 0, 0, 0]
      #expect(throws: ParquetError.self) {
        try readAll(Array("PAR1".utf8) + middle + length + Array("PAR1".utf8))
      }
    }
  }

  @Test func `a flipped bit never ends the process, and in a page it is found`() throws {
    let groups = [group(rows: 40, from: 0)]
    let whole = try file(groups)
    var unnoticed = 0
    for index in whole.indices {
      var damaged = whole
      damaged[index] ^= 1 << (index % 8)
      if let read = try? readAll(damaged), read != groups { unnoticed += 1 }
    }
    // Pages have checksums; their headers and the footer have none, so that who needs certainty
    // compares a sum of the whole file, as traces do.
    #expect(unnoticed <= whole.count / 100)
  }
}
