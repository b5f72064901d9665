import Parquet

/// Captures as rows of a Parquet file, one a row.
struct CaptureRows {
  /// The schema. Byte strings are what tells tokens apart; ids are the teacher's own.
  static let columns: [ParquetColumn] = [
    ParquetColumn("id", .int64, encoding: .delta),
    ParquetColumn("prompt", .text, zstdLevel: 3),
    ParquetColumn("text", .text, zstdLevel: 3),
    ParquetColumn("finish_reason", .text),
    ParquetColumn("model", .text),
    ParquetColumn("fingerprint", .text),
    ParquetColumn("prompt_tokens", .int32),
    ParquetColumn("completion_tokens", .int32),
    ParquetColumn("latency_s", .float32),
    ParquetColumn("prompt_token_count", .int32),
    ParquetColumn("token_bytes", .bytesList, zstdLevel: 3),
    ParquetColumn("token_ids", .int32List, encoding: .streamSplit),
    ParquetColumn("token_logprobs", .float32List, encoding: .streamSplit),
    ParquetColumn("candidate_counts", .int32List),
    ParquetColumn("candidate_bytes", .bytesList, zstdLevel: 3),
    ParquetColumn("candidate_ids", .int32List, encoding: .streamSplit),
    ParquetColumn("candidate_logprobs", .float32List, encoding: .streamSplit),
  ]

  /// Stands for a count that was not given.
  private static let unknownCount: Int32 = -1

  /// What the writer stores.
  static func values(of captures: [Capture]) -> [ParquetValues] {
    [
      .int64(captures.map(\.id)), .texts(captures.map(\.prompt)), .texts(captures.map(\.text)),
      .texts(captures.map(\.finishReason)), .texts(captures.map(\.model)),
      .texts(captures.map(\.fingerprint)),
      .int32(captures.map { $0.promptTokens.map(Int32.init) ?? unknownCount }),
      .int32(captures.map { $0.completionTokens.map(Int32.init) ?? unknownCount }),
      .float32(captures.map { Float($0.latencySeconds) }),
      .int32(captures.map { Int32($0.tokens.promptCount) }),
      bytesList(captures) { ($0.tokens.bytes, $0.tokens.ends) },
      list(captures) { $0.tokens.ids }, list(captures) { $0.tokens.logprobs },
      list(captures) { counts($0.tokens.candidateEnds) },
      bytesList(captures) { ($0.tokens.candidateBytes, $0.tokens.candidateByteEnds) },
      list(captures) { $0.tokens.candidateIDs }, list(captures) { $0.tokens.candidateLogprobs },
    ]
  }

  private static func offsets(_ counts: [Int]) -> [Int32] {
    counts.reduce(into: [Int32(0)]) { $0.append($0[$0.count - 1] + Int32($1)) }
  }

  private static func list(_ captures: [Capture], _ part: (Capture) -> [Int32]) -> ParquetValues {
    let parts = captures.map(part)
    return .int32List(Array(parts.joined()), offsets: offsets(parts.map(\.count)))
  }

  private static func list(_ captures: [Capture], _ part: (Capture) -> [Float]) -> ParquetValues {
    let parts = captures.map(part)
    return .float32List(Array(parts.joined()), offsets: offsets(parts.map(\.count)))
  }

  private static func bytesList(
    _ captures: [Capture], _ part: (Capture) -> (bytes: [UInt8], ends: [Int32])
  ) -> ParquetValues {
    var bytes: [UInt8] = []
    var ends: [Int32] = [0]
    var counts: [Int] = []
    for capture in captures {
      let part = part(capture)
      let first = Int32(bytes.count)
      bytes.append(contentsOf: part.bytes)
      ends.append(contentsOf: part.ends.map { $0 + first })
      counts.append(part.ends.count)
    }
    return .bytesList(bytes, ends: ends, offsets: offsets(counts))
  }

  private static func counts(_ ends: [Int32]) -> [Int32] {
    zip(ends, [0] + ends).map { $0 - $1 }
  }

  /// The captures of a row group.
  ///
  /// - Throws: when the lists of a row contradict each other.
  static func captures(
    group: Int, values: [ParquetValues]
  ) throws(TraceError.Problem) -> [Capture] {
    guard case .int64(let ids) = values[0], case .text(let prompts, let promptEnds) = values[1],
      case .text(let texts, let textEnds) = values[2],
      case .text(let reasons, let reasonEnds) = values[3],
      case .text(let models, let modelEnds) = values[4],
      case .text(let fingerprints, let fingerprintEnds) = values[5],
      case .int32(let billedPrompts) = values[6], case .int32(let billedAnswers) = values[7],
      case .float32(let latencies) = values[8], case .int32(let promptCounts) = values[9],
      case .bytesList(let tokens, let tokenEnds, let tokenOffsets) = values[10],
      case .int32List(let tokenIDs, let idOffsets) = values[11],
      case .float32List(let logprobs, let logprobOffsets) = values[12],
      case .int32List(let counts, let countOffsets) = values[13],
      case .bytesList(let candidates, let candidateEnds, let candidateOffsets) = values[14],
      case .int32List(let candidateIDs, let candidateIDOffsets) = values[15],
      case .float32List(let candidateLogprobs, let candidateLogprobOffsets) = values[16]
    else { preconditionFailure("the reader was opened with these columns") }
    guard tokenOffsets == idOffsets, tokenOffsets == logprobOffsets, tokenOffsets == countOffsets,
      candidateOffsets == candidateIDOffsets, candidateOffsets == candidateLogprobOffsets
    else { throw .badGroup(group, "has lists of tokens or candidates of different lengths") }
    func text(_ bytes: [UInt8], _ ends: [Int32], _ row: Int) -> String {
      String(decoding: bytes[Int(ends[row])..<Int(ends[row + 1])], as: UTF8.self)
    }
    var result: [Capture] = []
    result.reserveCapacity(ids.count)
    for row in ids.indices {
      let tokenRange = Int(tokenOffsets[row])..<Int(tokenOffsets[row + 1])
      var next = Int(candidateOffsets[row])
      let last = Int(candidateOffsets[row + 1])
      var captured = CapturedTokens()
      captured.promptCount = Int(promptCounts[row])
      guard 0...tokenRange.count ~= captured.promptCount else {
        throw .badGroup(group, "has a prompt of \(promptCounts[row]) of \(tokenRange.count) tokens")
      }
      for token in tokenRange {
        captured.append(
          tokens[Int(tokenEnds[token])..<Int(tokenEnds[token + 1])], id: tokenIDs[token],
          logprob: logprobs[token])
        guard 0...(last - next) ~= Int(counts[token]) else {
          throw .badGroup(group, "counts other candidates than it has")
        }
        for _ in 0..<counts[token] {
          captured.appendCandidate(
            candidates[Int(candidateEnds[next])..<Int(candidateEnds[next + 1])],
            id: candidateIDs[next], logprob: candidateLogprobs[next])
          next += 1
        }
      }
      guard next == last else { throw .badGroup(group, "counts other candidates than it has") }
      result.append(
        Capture(
          id: ids[row], prompt: text(prompts, promptEnds, row), text: text(texts, textEnds, row),
          tokens: captured, finishReason: text(reasons, reasonEnds, row),
          model: text(models, modelEnds, row),
          fingerprint: text(fingerprints, fingerprintEnds, row),
          promptTokens: billedPrompts[row] < 0 ? nil : Int(billedPrompts[row]),
          completionTokens: billedAnswers[row] < 0 ? nil : Int(billedAnswers[row]),
          latencySeconds: Double(latencies[row])))
    }
    return result
  }
}
