/// Writes the demo's corpus: requests in English, and the JSON tool calls that they ask for.
///
/// The same seed gives the same corpus for ever. No request and no call comes twice, so that what
/// is tested on was never trained on: each test call combines values that no other call combines.
package struct ToolCallGenerator: Sendable {
  /// The most pairs that one corpus can have; the wordings hold many times as many.
  package static let countMax = 200_000
  /// The tools that are called.
  package static let toolNames = ToolCallTemplates.all.map(\.tool)

  private let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// `count` pairs, nine tenths of them to train on and a twentieth each to validate and to test.
  ///
  /// - Parameter count: 1 to `countMax`.
  package func corpus(
    count: Int
  ) -> (train: [CorpusExample], validation: [CorpusExample], test: [CorpusExample]) {
    let examples = examples(count: count)
    let held = count / 20
    return (
      train: Array(examples[..<(count - 2 * held)]),
      validation: Array(examples[(count - 2 * held)..<(count - held)]),
      test: Array(examples[(count - held)...])
    )
  }

  /// One part of `corpus(count:)`.
  package func part(_ part: CorpusPart, count: Int) -> [CorpusExample] {
    let parts = corpus(count: count)
    return switch part {
    case .train: parts.train
    case .validation: parts.validation
    case .test: parts.test
    }
  }

  private func examples(count: Int) -> [CorpusExample] {
    precondition((1...Self.countMax).contains(count), "expected 1 to \(Self.countMax) pairs")
    var random = SplitMix64(seed: seed)
    var requests: Set<String> = []
    var calls: Set<String> = []
    var examples: [CorpusExample] = []
    while examples.count < count {
      let call = random.pick(ToolCallTemplates.all).make(&random)
      let request = Self.phrased(call.request, &random)
      let json = call.json
      guard !calls.contains(json), requests.insert(request).inserted else { continue }
      calls.insert(json)
      examples.append(CorpusExample(prompt: request, completion: json))
    }
    return examples
  }

  /// The request as a sentence, polite now and then.
  private static func phrased(_ request: String, _ random: inout SplitMix64) -> String {
    let sentence = request.prefix(1).uppercased() + request.dropFirst()
    return switch random.number(in: 1...6) {
    case 1: "Please: \(request)."
    case 2: "\(sentence), please."
    case 3: request
    default: "\(sentence)."
    }
  }
}
