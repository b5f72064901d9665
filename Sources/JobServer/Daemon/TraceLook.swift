internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Tokenization
internal import Traces

/// A look into the Parquet of a trace, for people.
struct TraceLook {
  private let environment: JobEnvironment

  init(environment: JobEnvironment) {
    self.environment = environment
  }

  /// Rows of one sequence.
  ///
  /// - Parameters:
  ///   - location: where the sequence lies.
  ///   - from: the first position.
  func rows(
    _ record: TraceRecord, _ location: TraceLocation, from: Int, limit: Int
  ) throws -> [TraceRow] {
    let tokenizer = try ModelFolder.tokenizer(in: environment.folder.url(record.path))
    let sequence: TraceSequence
    do {
      let shard = try TraceShardReader(environment.folder.url(location.path))
      guard
        let span = shard.spans.firstIndex(where: { $0.sequenceID == location.rows.sequence })
      else { throw Self.unusable("\(location.path) lacks sequence \(location.rows.sequence)") }
      sequence = try shard.sequence(atSpan: span)
    } catch let error as TraceError {
      throw Self.unusable("\(error)")
    }
    let end = min(sequence.count, from + limit)
    guard from < end else { return [] }
    return (from..<end).map { position in
      let first = position * sequence.topK
      let candidates = first..<(first + Int(sequence.candidateCounts[position]))
      return TraceRow(
        sequence: sequence.id, position: position, tokenID: sequence.tokens[position],
        text: tokenizer.string(of: sequence.tokens[position]),
        topK: candidates.map { place in
          TraceRow.Candidate(
            tokenID: sequence.topKIDs[place], text: tokenizer.string(of: sequence.topKIDs[place]),
            logprob: Double(sequence.topKLogprobs[place]))
        },
        otherLogprob: Double(sequence.otherLogprob[position]),
        isInLoss: sequence.lossMask[position], isStructural: sequence.isStruct[position])
    }
  }

  private static func unusable(_ detail: String) -> Problem {
    Problem(
      type: "urn:bitnet:problem:unusable-traces", title: "The traces cannot be read", detail: detail
    )
  }
}
