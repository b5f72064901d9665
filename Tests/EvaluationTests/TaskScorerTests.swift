import Evaluation
import Testing

struct TaskScorerTests {
  @Test func `answers are counted by how right they are`() throws {
    var scorer = TaskScorer(schema: try JSONSchema(#"{"required":["a"]}"#))
    let answers = [
      #"{"a":1}"#, " {\"a\":1}\n", #"{"a":2}"#, #"{"b":1}"#, #"{"a":1"#,
    ]
    let areExact = answers.map { scorer.add(generated: $0, expected: #"{"a":1}"#) }
    #expect(areExact == [true, true, false, false, false])
    let scores = scorer.scores
    #expect(scores.examples == 5)
    #expect(scores.exactMatch == 0.4)
    #expect(scores.jsonValidRate == 0.8)
    #expect(scores.schemaValidRate == 0.6)
    #expect(abs((scores.exactMatchStandardError ?? 0) - (0.24 / 5).squareRoot()) < 1e-12)
  }

  @Test func `letters that only look alike are not the same`() {
    var scorer = TaskScorer(schema: nil)
    let isExact = scorer.add(generated: "a\u{301}", expected: "\u{E1}")
    #expect(!isExact)
    #expect(scorer.scores.schemaValidRate == nil)
  }

  @Test func `nothing asked, nothing scored`() {
    #expect(TaskScorer(schema: nil).scores == TaskScores())
  }
}
