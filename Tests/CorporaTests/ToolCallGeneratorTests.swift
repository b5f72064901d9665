import Corpora
import Foundation
import Testing

struct ToolCallGeneratorTests {
  private static let corpus = ToolCallGenerator(seed: 1).corpus(count: 20_000)
  private static let all = corpus.train + corpus.validation + corpus.test

  @Test func `the parts have nine tenths and twice a twentieth`() {
    #expect(Self.corpus.train.count == 18_000)
    #expect(Self.corpus.validation.count == 1_000)
    #expect(Self.corpus.test.count == 1_000)
    #expect(ToolCallGenerator(seed: 1).part(.test, count: 20_000) == Self.corpus.test)
  }

  @Test func `no request and no call comes twice`() {
    #expect(Set(Self.all.map(\.prompt)).count == Self.all.count)
    #expect(Set(Self.all.map(\.completion)).count == Self.all.count)
  }

  @Test func `the corpus of a seed never changes`() {
    // The demo's figures are compared over time: a change here is a change of the benchmark.
    #expect(Self.corpus.train[0] == ToolCallGenerator(seed: 1).corpus(count: 20_000).train[0])
    #expect(
      Self.corpus.train[0].prompt == "Set the hallway light to cold at 45% brightness at 7:45 pm.")
    #expect(ToolCallGenerator(seed: 2).corpus(count: 10).train[0] != Self.corpus.train[0])
  }

  @Test func `every tool is called about as often as the others`() {
    let counts = ToolCallGenerator.toolNames.map { name in
      Self.all.count { $0.completion.hasPrefix(#"{"tool":"\#(name)","arguments":{"#) }
    }
    #expect(counts.count == 9)
    #expect(counts.reduce(0, +) == Self.all.count)
    #expect(counts.allSatisfy { $0 > Self.all.count / 12 })
  }

  @Test func `every call is JSON with its tool and arguments`() throws {
    struct Call: Decodable {
      struct Arguments: Decodable {}
      let tool: String
      let arguments: Arguments
    }
    for example in Self.corpus.test {
      let call = try JSONDecoder().decode(Call.self, from: Data(example.completion.utf8))
      #expect(ToolCallGenerator.toolNames.contains(call.tool))
    }
  }

  @Test func `the test part needs no word that training does not show`() {
    let words = { (examples: [CorpusExample]) in
      Set(examples.flatMap { $0.text.split { !$0.isLetter && !$0.isNumber } })
    }
    let unseen = words(Self.corpus.test).subtracting(words(Self.corpus.train))
    // Sums of money are numbers of up to three digits, which are read digit by digit.
    #expect(unseen.allSatisfy { Int($0) != nil }, "\(unseen)")
  }

  @Test func `requests and calls stay short`() {
    #expect((Self.all.map(\.prompt.utf8.count).max() ?? 0) <= 140)
    #expect((Self.all.map(\.completion.utf8.count).max() ?? 0) <= 160)
  }

  @Test func `any small count is possible`() {
    for count in [1, 2, 19, 20, 41] {
      let corpus = ToolCallGenerator(seed: 5).corpus(count: count)
      #expect(corpus.train.count + corpus.validation.count + corpus.test.count == count)
    }
  }
}
