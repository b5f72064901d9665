package import Parquet

/// Rows of a trace, column by column, as a row group stores them.
package struct TraceRows {
  private static let sequenceIDColumn = 0
  private static let positionColumn = 1

  /// The schema of TRACES.md, with the encodings that measured smallest.
  package static func columns(zstdLevel: Int = TraceShardWriter.defaultLevel) -> [ParquetColumn] {
    [
      ParquetColumn("sequence_id", .int64, encoding: .delta),
      ParquetColumn("position", .int32, encoding: .delta),
      ParquetColumn("token_id", .int32, encoding: .streamSplit),
      // A list's log-probabilities fall, so that their first bytes come in short runs; its ids come in
      // no order, but some bytes more often.
      ParquetColumn(
        "topk_ids", .int32List, encoding: .streamSplit, zstdLevel: zstdLevel, matching: .rare),
      ParquetColumn(
        "topk_logprobs", .float32List, encoding: .streamSplit, zstdLevel: zstdLevel,
        matching: .short),
      ParquetColumn("other_logprob", .float32, encoding: .streamSplit),
      ParquetColumn("loss_mask", .bool),
      ParquetColumn("is_struct", .bool),
    ]
  }

  private(set) var sequenceIDs: [Int64] = []
  private(set) var positions: [Int32] = []
  private(set) var tokens: [Int32] = []
  private(set) var candidateIDs: [Int32] = []
  private(set) var candidateLogprobs: [Float] = []
  /// `[count + 1]`; row `r` has the candidates `candidateOffsets[r]..<candidateOffsets[r + 1]`.
  private(set) var candidateOffsets: [Int32] = [0]
  private(set) var otherLogprobs: [Float] = []
  private(set) var lossMask: [Bool] = []
  private(set) var isStruct: [Bool] = []

  var count: Int { tokens.count }

  /// Bytes of all values in memory.
  var byteCount: Int { count * 26 + candidateIDs.count * 8 }

  /// No rows.
  init() {}

  /// Rows as they were read from one group.
  ///
  /// - Throws: when the two lists of a row differ in length.
  init(group: Int, values: [ParquetValues]) throws(TraceError.Problem) {
    guard case .int64(let sequenceIDs) = values[0], case .int32(let positions) = values[1],
      case .int32(let tokens) = values[2], case .int32List(let ids, let idOffsets) = values[3],
      case .float32List(let logprobs, let offsets) = values[4],
      case .float32(let others) = values[5], case .bool(let lossMask) = values[6],
      case .bool(let isStruct) = values[7]
    else { preconditionFailure("the reader was opened with these columns") }
    guard idOffsets == offsets else {
      throw .badGroup(group, "has topk_ids and topk_logprobs of different lengths")
    }
    self.sequenceIDs = sequenceIDs
    self.positions = positions
    self.tokens = tokens
    candidateIDs = ids
    candidateLogprobs = logprobs
    candidateOffsets = offsets
    otherLogprobs = others
    self.lossMask = lossMask
    self.isStruct = isStruct
  }

  /// What the writer stores.
  var values: [ParquetValues] {
    [
      .int64(sequenceIDs), .int32(positions), .int32(tokens),
      .int32List(candidateIDs, offsets: candidateOffsets),
      .float32List(candidateLogprobs, offsets: candidateOffsets), .float32(otherLogprobs),
      .bool(lossMask), .bool(isStruct),
    ]
  }

  /// The columns that say where sequences lie.
  static let placeColumns = [sequenceIDColumn, positionColumn]

  /// Appends all rows of a sequence, the log-probabilities with so many bits.
  mutating func append(_ sequence: TraceSequence, bits: LogprobBits = .thirtyTwo) {
    let count = sequence.count
    sequenceIDs.append(contentsOf: repeatElement(sequence.id, count: count))
    positions.append(contentsOf: 0..<Int32(count))
    tokens.append(contentsOf: sequence.tokens)
    for row in 0..<count {
      let candidates = Int(sequence.candidateCounts[row])
      let start = row * sequence.topK
      candidateIDs.append(contentsOf: sequence.topKIDs[start..<(start + candidates)])
      let logprobs = sequence.topKLogprobs[start..<(start + candidates)]
      switch bits {
      case .thirtyTwo: candidateLogprobs.append(contentsOf: logprobs)
      case .sixteen: candidateLogprobs.append(contentsOf: logprobs.lazy.map(bits.stored))
      }
      candidateOffsets.append(Int32(candidateIDs.count))
    }
    otherLogprobs.append(contentsOf: sequence.otherLogprob.lazy.map(bits.stored))
    lossMask.append(contentsOf: sequence.lossMask)
    isStruct.append(contentsOf: sequence.isStruct)
  }

  /// The sequence that lies in `rows`.
  ///
  /// - Throws: when a row has more than `topK` candidates.
  func sequence(
    in rows: Range<Int>, topK: Int, group: Int
  ) throws(TraceError.Problem) -> TraceSequence {
    var counts: [Int32] = []
    counts.reserveCapacity(rows.count)
    for row in rows {
      let candidates = candidateOffsets[row + 1] - candidateOffsets[row]
      guard 0...Int32(clamping: topK) ~= candidates else {
        throw .badGroup(group, "has \(candidates) candidates in a row, expected at most \(topK)")
      }
      counts.append(candidates)
    }
    return TraceSequence(
      id: sequenceIDs[rows.lowerBound], tokens: Array(tokens[rows]), topK: topK,
      topKIDs: padded(candidateIDs, in: rows, topK: topK, with: -1),
      topKLogprobs: padded(candidateLogprobs, in: rows, topK: topK, with: -.infinity),
      candidateCounts: counts, otherLogprob: Array(otherLogprobs[rows]),
      lossMask: Array(lossMask[rows]), isStruct: Array(isStruct[rows]))
  }

  private func padded<Element>(
    _ values: [Element], in rows: Range<Int>, topK: Int, with padding: Element
  ) -> [Element] {
    var result: [Element] = []
    result.reserveCapacity(rows.count * topK)
    for row in rows {
      let candidates = Int(candidateOffsets[row])..<Int(candidateOffsets[row + 1])
      result.append(contentsOf: values[candidates])
      if candidates.count < topK {
        result.append(contentsOf: repeatElement(padding, count: topK - candidates.count))
      }
    }
    return result
  }
}
