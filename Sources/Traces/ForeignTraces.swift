import Checkpoints
package import Foundation
import Parquet

/// Traces that another program wrote, in ids of the student's tokenizer, turned into ours.
package struct ForeignTraces {
  private let files: [URL]
  private let layout: ForeignLayout
  private let compression: DistillKitCompression?
  private let structural: [Bool]

  /// - Parameters:
  ///   - folder: holds Parquet files, in the order of their names.
  ///   - structural: whether a token is structural, by id.
  package init(
    folder: URL, layout: ForeignLayout, structural: [Bool] = []
  ) throws(TraceError) {
    files = try Self.parquetFiles(in: folder)
    guard !files.isEmpty else { throw TraceError(path: folder.path, problem: .noShards) }
    self.layout = layout
    self.structural = structural
    guard layout == .distillKit else {
      compression = nil
      return
    }
    let config = folder.appendingPathComponent("compression_config.yaml")
    do throws(TraceError.Problem) {
      guard let text = try? String(contentsOf: config, encoding: .utf8) else {
        throw .unreadable("there is no such file")
      }
      compression = try DistillKitCompression(yaml: text)
    } catch {
      throw TraceError(path: config.path, problem: error)
    }
  }

  /// The Parquet files of a folder, `data_2` before `data_10`.
  static func parquetFiles(in folder: URL) throws(TraceError) -> [URL] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder.path)
        .filter { $0.hasSuffix(".parquet") && !$0.hasPrefix(".") }
        .sorted { $0.compare($1, options: .numeric) == .orderedAscending }
        .map { folder.appendingPathComponent($0) }
    } catch {
      throw TraceError(path: folder.path, problem: .unreadable(error.localizedDescription))
    }
  }

  /// Writes all sequences into the trace folder `folder`, which must exist.
  ///
  /// The files are read twice: first for the most candidates that a row has, which is the trace's K.
  ///
  /// - Parameters:
  ///   - metadata: its `topK` is set here. - onShard: called when a shard is stored.
  /// - Returns: the number of sequences.
  package func convert(
    into folder: URL, metadata: TraceMetadata,
    onShard: (TraceShardSummary) throws -> Void = { _ in }
  ) throws -> Int {
    var metadata = metadata
    var most = 1
    try forEachSequence { most = max(most, $0.rows.map(\.ids.count).max() ?? 0) }
    metadata.topK = most
    let writer = try TraceShardWriter(folder: folder, metadata: metadata)
    var count = 0
    try forEachSequence { sequence in
      let trace = sequence.trace(id: Int64(count), topK: most, structural: structural)
      if let summary = try writer.append(trace) { try onShard(summary) }
      count += 1
    }
    if let summary = try writer.finish() { try onShard(summary) }
    return count
  }

  /// One sequence on its way.
  private struct Sequence {
    struct Row {
      let token: Int32
      var ids: [Int32] = []
      var logprobs: [Double] = []
      /// nil: what the candidates leave of 1.
      var other: Double?
      var isTarget = false
    }

    var rows: [Row] = []

    func trace(id: Int64, topK: Int, structural: [Bool]) -> TraceSequence {
      var ids: [Int32] = []
      var logprobs: [Float] = []
      var counts: [Int32] = []
      var others: [Float] = []
      for row in rows {
        let padding = topK - row.ids.count
        ids += row.ids + Array(repeating: -1, count: padding)
        logprobs += row.logprobs.map(Float.init) + Array(repeating: -.infinity, count: padding)
        counts.append(Int32(row.ids.count))
        let rest = 1 - row.logprobs.reduce(0) { $0 + exp($1) }
        // Below this the rest is rounding.
        let other = row.other ?? (rest > 1e-6 ? log(rest) : -.infinity)
        others.append(row.ids.isEmpty ? 0 : Float(other))
      }
      return TraceSequence(
        id: id, tokens: rows.map(\.token), topK: topK, topKIDs: ids, topKLogprobs: logprobs,
        candidateCounts: counts, otherLogprob: others,
        lossMask: rows.enumerated().map { $0.offset > 0 && $0.element.isTarget },
        isStruct: rows.map {
          structural.indices.contains(Int($0.token)) && structural[Int($0.token)]
        })
    }
  }

  private func forEachSequence(_ body: (Sequence) throws -> Void) throws {
    var open = Sequence()
    var lastPosition = Int32.max
    for url in files {
      let file = try MappedFile(path: url.path)
      let reader: ParquetReader
      do throws(ParquetError) {
        reader = try ParquetReader(file.bytes, owner: file, columns: layout.columns)
      } catch {
        throw TraceError(path: url.path, problem: .notReadableAsParquet(error.reason))
      }
      for group in reader.groupRowCounts.indices {
        do throws(TraceError.Problem) {
          let values: [ParquetValues]
          do throws(ParquetError) {
            values = try reader.read(group: group)
          } catch {
            throw .notReadableAsParquet(error.reason)
          }
          switch layout {
          case .published:
            for (position, row) in try publishedRows(group, values) {
              if position <= lastPosition, !open.rows.isEmpty {
                do { try body(open) } catch { throw wrapped(error) }
                open = Sequence()
              }
              lastPosition = position
              open.rows.append(row)
            }
          case .distillKit, .axolotl:
            let sequences =
              layout == .axolotl
              ? try axolotlSequences(group, values) : try distillKitSequences(group, values)
            for sequence in sequences where !sequence.rows.isEmpty {
              do { try body(sequence) } catch { throw wrapped(error) }
            }
          }
        } catch {
          throw TraceError(path: url.path, problem: error)
        }
      }
    }
    if !open.rows.isEmpty { try body(open) }
  }

  private func wrapped(_ error: any Error) -> TraceError.Problem { .unreadable("\(error)") }

  // MARK: - Layouts

  private func publishedRows(
    _ group: Int, _ values: [ParquetValues]
  ) throws(TraceError.Problem) -> [(position: Int32, row: Sequence.Row)] {
    guard case .int32(let positions) = values[0], case .int32List(let ids, let idEnds) = values[1],
      case .float32List(let logprobs, let ends) = values[2], case .float32(let others) = values[3]
    else { preconditionFailure("the reader was opened with these columns") }
    guard idEnds == ends else {
      throw .badGroup(group, "has topk_tokens and topk_logprobs of different lengths")
    }
    var rows: [(position: Int32, row: Sequence.Row)] = []
    for (index, position) in positions.enumerated() {
      let place = Int(ends[index])..<Int(ends[index + 1])
      var row = Self.row(token: 0, ids: ids[place], logprobs: logprobs[place].map(Double.init))
      guard let first = row.ids.first else {
        throw .badGroup(group, "has a position without candidates, so without a token")
      }
      row = Sequence.Row(
        token: first, ids: row.ids, logprobs: row.logprobs, other: Double(others[index]),
        isTarget: true)
      rows.append((position, row))
    }
    return rows
  }

  private func distillKitSequences(
    _ group: Int, _ values: [ParquetValues]
  ) throws(TraceError.Problem) -> [Sequence] {
    guard let compression, case .int32List(let tokens, let ends) = values[0],
      case .int32Lists(let logprobs, let logprobEnds, let logprobOffsets) = values[1],
      case .int32Lists(let indices, let indexEnds, let indexOffsets) = values[2]
    else { preconditionFailure("the reader was opened with these columns") }
    guard logprobOffsets == indexOffsets else {
      throw .badGroup(group, "has values and indices of different lengths")
    }
    var result: [Sequence] = []
    for index in 0..<ends.count - 1 {
      var sequence = Sequence()
      let positions = Int(logprobOffsets[index])..<Int(logprobOffsets[index + 1])
      for (place, token) in tokens[Int(ends[index])..<Int(ends[index + 1])].enumerated() {
        let list = positions.lowerBound + place - 1
        guard place > 0, positions.contains(list) else {
          sequence.rows.append(Sequence.Row(token: token, isTarget: true))
          continue
        }
        let ids = try compression.indices(indices[Int(indexEnds[list])..<Int(indexEnds[list + 1])])
        let values = try compression.logprobs(
          logprobs[Int(logprobEnds[list])..<Int(logprobEnds[list + 1])])
        var row = Self.row(token: token, ids: ids[...], logprobs: values)
        row.isTarget = true
        sequence.rows.append(row)
      }
      result.append(sequence)
    }
    return result
  }

  private func axolotlSequences(
    _ group: Int, _ values: [ParquetValues]
  ) throws(TraceError.Problem) -> [Sequence] {
    guard case .int32List(let tokens, let ends) = values[0],
      case .int32List(let labels, let labelEnds) = values[1],
      case .int32Lists(let ids, let idEnds, let idOffsets) = values[2],
      case .float32Lists(let logprobs, let logprobEnds, let offsets) = values[3],
      case .int32Lists(let mask, let maskEnds, let maskOffsets) = values[4]
    else { preconditionFailure("the reader was opened with these columns") }
    guard ends == labelEnds, ends == idOffsets, ends == offsets, ends == maskOffsets,
      idEnds == logprobEnds, idEnds == maskEnds
    else { throw .badGroup(group, "has columns of different lengths") }
    return (0..<ends.count - 1).map { index in
      var sequence = Sequence()
      for place in Int(ends[index])..<Int(ends[index + 1]) {
        let candidates = Int(idEnds[place])..<Int(idEnds[place + 1])
        let kept = candidates.filter { mask[$0] != 0 && logprobs[$0] > -1000 }
        var row = Self.row(
          token: tokens[place], ids: kept.map { ids[$0] }[...],
          logprobs: kept.map { Double(logprobs[$0]) })
        row.isTarget = labels[place] != -100
        sequence.rows.append(row)
      }
      return sequence
    }
  }

  /// Candidates by falling log-probability; what is no value is left out, and so is all that a wider
  /// list repeats.
  private static func row(
    token: Int32, ids: ArraySlice<Int32>, logprobs: [Double]
  ) -> Sequence.Row {
    var candidates: [(id: Int32, logprob: Double)] = []
    for (id, logprob) in zip(ids, logprobs) where id >= 0 && logprob > -1000 && logprob <= 1e-3 {
      candidates.append((id, min(0, logprob)))
    }
    candidates.sort { $0.logprob == $1.logprob ? $0.id < $1.id : $0.logprob > $1.logprob }
    var row = Sequence.Row(token: token)
    var seen: Set<Int32> = []
    for candidate in candidates where seen.insert(candidate.id).inserted {
      row.ids.append(candidate.id)
      row.logprobs.append(candidate.logprob)
    }
    return row
  }
}
