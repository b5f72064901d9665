import Foundation
import Kernels
import Testing
import Tokenization
import Transformer

@testable import Teachers
@testable import Traces

struct LocalTeacherTests {
  private let tiny = TinyTeacher()

  @Test func `rows hold the distribution that predicted their token, as the reference has it`()
    throws
  {
    let texts = tiny.texts(count: 12)
    let traces = try #require(try tiny.teacher().score(texts, choice: .top(6)))
    #expect(traces.map(\.id) == texts.map(\.id))
    for (text, trace) in zip(texts, traces) {
      #expect(trace.tokens == text.tokens)
      #expect(trace.lossMask == text.lossMask)
      #expect(trace.isStruct == text.isStruct)
      #expect(trace.candidateCounts[0] == 0 && trace.otherLogprob[0] == 0)
      let expected = tiny.logprobs(text.tokens)
      for row in 1..<max(1, trace.count) {
        let logs = expected[row - 1]
        let place = (row * 6)..<(row * 6 + 6)
        let ids = trace.topKIDs[place].map(Int.init)
        // The fp32 forward differs from the reference by less than 1e-4 in a logit, as the
        // Transformer's own tests show; the order among closer ones is open.
        for (id, logprob) in zip(ids, trace.topKLogprobs[place]) {
          #expect(abs(Double(logprob) - logs[id]) < 2e-4)
        }
        let rest = logs.indices.filter { !ids.contains($0) }
        let other = log(rest.reduce(0) { $0 + exp(logs[$1]) })
        #expect(abs(Double(trace.otherLogprob[row]) - other) < 2e-4)
        let best = logs.sorted(by: >).prefix(6)
        #expect(abs((best.last ?? 0) - Double(trace.topKLogprobs[place.upperBound - 1])) < 2e-4)
      }
      guard trace.count > 1 else { continue }
      for row in 1..<trace.count {
        guard case .valid = trace.quality(ofRow: row, vocabularySize: 23) else {
          Issue.record("row \(row) is not a distribution")
          return
        }
      }
    }
  }

  @Test func `a text's trace does not depend on what it is scored with`() throws {
    let texts = tiny.texts(count: 9)
    let together = try #require(try tiny.teacher().score(texts, choice: .top(6)))
    let teacher = try tiny.teacher(batchRows: 20)
    for (text, trace) in zip(texts, together) {
      let alone = try #require(try teacher.score([text], choice: .top(6)))[0]
      for (one, other) in zip(alone.topKLogprobs, trace.topKLogprobs) where one != other {
        // Products of other sizes may add in another order: some units in the last place of a
        // log-probability near 10.
        #expect(abs(one - other) < 1e-5)
      }
    }
  }

  @Test func `signals can be had for the loss rows only`() throws {
    let texts = tiny.texts(count: 9)
    let traces = try #require(try tiny.teacher().score(texts, choice: .top(6), signal: .loss))
    for trace in traces {
      for row in 0..<trace.count {
        #expect((trace.candidateCounts[row] == 6) == trace.lossMask[row])
      }
    }
  }

  @Test func `more candidates than tokens give the whole distribution`() throws {
    let text = UnscoredSequence(id: 0, tokens: [1, 2, 3])
    let trace = try #require(try tiny.teacher().score([text], choice: .top(30)))[0]
    #expect(trace.candidateCounts == [0, 23, 23])
    #expect(trace.otherLogprob == [0, -.infinity, -.infinity])
    #expect(trace.topKIDs[30 + 23] == -1)
  }

  @Test func `texts that the teacher cannot take are named`() throws {
    let teacher = try tiny.teacher()
    let long = UnscoredSequence(id: 7, tokens: Array(repeating: 1, count: 21))
    #expect(throws: TeacherError.tooLong(sequence: 7, tokens: 21, limit: 20)) {
      try teacher.score([long], choice: .top(5))
    }
    let foreign = UnscoredSequence(id: 8, tokens: [1, 23])
    #expect(
      throws: TeacherError.tokenOutsideVocabulary(
        sequence: 8, position: 1, token: 23, vocabularySize: 23)
    ) { try teacher.score([foreign], choice: .top(5)) }
  }

  @Test func `a diverged model is told, not stored`() throws {
    let broken = TinyTeacher(seed: 5)
    broken.parameters["lm_head.weight"]?[40] = .nan
    let text = UnscoredSequence(id: 3, tokens: [1, 2])
    #expect(throws: TeacherError.notFinite(sequence: 3, position: 1)) {
      try broken.teacher().score([text], choice: .top(5))
    }
  }

  @Test func `an impossible configuration is refused`() {
    var configuration = tiny.configuration
    configuration.numAttentionHeads = 0
    #expect(throws: TeacherError.self) {
      try LocalTeacher(
        configuration: configuration, parameters: tiny.parameters, maximumLength: 4)
    }
  }

  @Test func `structural tokens are those with a mark in them`() throws {
    for text in ["{", "}", "[", "]", ":", ",", "\"", "a\": ", "```", "x```swift"] {
      #expect(StructuralTokens.isStructural(Array(text.utf8)), "\(text)")
    }
    for text in ["", "a", "``", " word", "é", "1.5"] {
      #expect(!StructuralTokens.isStructural(Array(text.utf8)), "\(text)")
    }
    let tokenizer = try BytePairTrainer(vocabularySize: 260, specialTokens: ["<|end|>"])
      .train([#"{"name": "x", "list": [1, 2]}"#])
    let table = StructuralTokens.table(of: tokenizer)
    #expect(table.count == tokenizer.vocabularySize)
    let brace = try #require(tokenizer.encode("{").first)
    #expect(table[Int(brace)])
    #expect(table.count { $0 } >= 7)
  }
}
