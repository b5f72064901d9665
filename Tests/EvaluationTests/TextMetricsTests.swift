import Evaluation
import Foundation
import TestSupport
import Testing

/// One random corpus, and what `sacrebleu` and `rouge-score` say of it.
private struct ReferenceCase: Decodable {
  struct Segment: Decodable {
    let answer: String
    let references: [String]
  }

  let segments: [Segment]
  let bleu: Double
  /// By variant, of the first segment: precision, recall, F.
  let rouge: [String: [Double]]

  func check(_ label: String) {
    var scorer = BLEU()
    for segment in segments { scorer.add(segment.answer, references: segment.references) }
    #expect(abs((scorer.score ?? .nan) - bleu) < 1e-6, "BLEU of \(label)")
    for variant in ROUGE.Variant.allCases {
      let score = ROUGE(
        variant, answer: segments[0].answer, references: segments[0].references)
      let found = [score.precision, score.recall, score.fMeasure]
      let wanted = rouge[variant.rawValue] ?? []
      #expect(
        found.count == wanted.count && zip(found, wanted).allSatisfy { abs($0 - $1) < 1e-6 },
        "\(variant) of \(label): \(found), not \(wanted)")
    }
  }
}

struct TextMetricsTests {
  /// Made by the program in `ReferenceMetricsTests` with seed 1 and 40 cases, sacrebleu 2.6.0 and
  /// rouge-score 0.1.2.
  private static let fixture = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/text-metrics.json")

  @Test
  func `BLEU and ROUGE are those of the reference implementations`() throws {
    let cases = try JSONDecoder().decode(
      [ReferenceCase].self, from: Data(contentsOf: Self.fixture))
    #expect(cases.count == 40)
    for (index, reference) in cases.enumerated() { reference.check("case \(index)") }
  }

  @Test
  func `Nothing is not a score`() {
    #expect(BLEU().score == nil)
    var empty = BLEU()
    empty.add("", references: [""])
    #expect(empty.score == 0)
    #expect(ROUGE(.rougeLsum, answer: "", references: ["a"]).fMeasure == 0)
    #expect(ClassificationScores(classes: 2).accuracy == nil)
    #expect(ConfidenceInterval(meanOf: [1]) == nil)
  }

  @Test
  func `Accuracy and F1 by hand`() throws {
    var scores = ClassificationScores(classes: 2)
    for (expected, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1), (1, nil)] as [(Int, Int?)] {
      scores.add(expected: expected, predicted: predicted)
    }
    // Class 0: precision 1/1, recall 1/2. Class 1: precision 2/3, recall 2/3.
    #expect(scores.count == 5 && scores.unanswered == 1)
    #expect(scores.accuracy == 0.6)
    #expect(abs(scores.f1(of: 0) - 2 / 3.0) < 1e-12)
    #expect(abs(scores.f1(of: 1) - 2 / 3.0) < 1e-12)
    #expect(abs(try #require(scores.macroF1) - 2 / 3.0) < 1e-12)
  }

  @Test
  func `Matthews' correlation by hand, and that of several classes by its covariances`() throws {
    var two = ClassificationScores(classes: 2)
    for (expected, predicted) in [(1, 1), (1, 0), (1, 1), (0, 1)] {
      two.add(expected: expected, predicted: predicted)
    }
    // 2·0 − 1·1 over √(3·3·1·1).
    #expect(abs(try #require(two.matthews) + 1 / 3.0) < 1e-12)
    var random = SplitMix64(seed: 4)
    let answers = (0..<200).map { _ -> (Int, Int?) in
      let expected = Int.random(in: 0..<3, using: &random)
      let drawn = Int.random(in: 0..<6, using: &random)
      return (expected, drawn < 3 ? drawn : drawn == 5 ? nil : expected)
    }
    var scores = ClassificationScores(classes: 3)
    for (expected, predicted) in answers { scores.add(expected: expected, predicted: predicted) }
    // Gorodkin's equation 8 over indicators, without an answer a fourth class.
    func covariance(_ one: (Int) -> Int, _ other: (Int) -> Int) -> Double {
      (0..<4).reduce(0) { sum, label in
        let x = answers.indices.map { one($0) == label ? 1.0 : 0 }
        let y = answers.indices.map { other($0) == label ? 1.0 : 0 }
        let (meanX, meanY) = (x.reduce(0, +) / 200, y.reduce(0, +) / 200)
        return sum + zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) }
      }
    }
    let wanted = { answers[$0].0 }
    let given = { answers[$0].1 ?? 3 }
    let expected =
      covariance(wanted, given)
      / (covariance(wanted, wanted) * covariance(given, given)).squareRoot()
    #expect(abs(try #require(scores.matthews) - expected) < 1e-12)
    #expect(ClassificationScores(classes: 2).matthews == nil)
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `A bootstrap interval of a mean is that of the normal approximation`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let values = (0..<2000).map { _ in Double.random(in: 0..<1, using: &random) < 0.8 ? 1.0 : 0 }
    let mean = values.reduce(0, +) / 2000
    let interval = try #require(ConfidenceInterval(meanOf: values, seed: seed))
    let half = 1.96 * (mean * (1 - mean) / 2000).squareRoot()
    #expect(interval.level == 0.95)
    // 1,000 resamples place a percentile within about a tenth of the interval.
    #expect(abs(interval.lower - (mean - half)) < 0.25 * half, "seed \(seed)")
    #expect(abs(interval.upper - (mean + half)) < 0.25 * half, "seed \(seed)")
    #expect(interval == ConfidenceInterval(meanOf: values, seed: seed))
  }

  @Test
  func `BLEU of resampled answers is BLEU of those answers`() throws {
    var all = BLEU()
    var twice = BLEU()
    let answers = ["the cat sat on the mat today", "a dog ran over the hill", "nobody knows why"]
    let references = ["the cat sat on a mat today", "the dog ran over the hill", "nobody knew why"]
    for (answer, reference) in zip(answers, references) {
      all.add(answer, references: [reference])
    }
    for place in [0, 0, 2] { twice.add(answers[place], references: [references[place]]) }
    #expect(all.score(of: [0, 0, 2]) == twice.score)
  }
}

/// The same against the installed packages, when `BITNET_PYTHON` names a Python that has them.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["BITNET_PYTHON"] != nil))
struct ReferenceMetricsTests {
  @Test
  func `BLEU and ROUGE of random texts`() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(
      filePath: ProcessInfo.processInfo.environment["BITNET_PYTHON"] ?? "python3")
    process.arguments = ["-c", Self.program, "\(seed)", "2000"]
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    let cases = try JSONDecoder().decode([ReferenceCase].self, from: data)
    for (index, reference) in cases.enumerated() { reference.check("seed \(seed), case \(index)") }
  }

  private static let program = #"""
    import random, json, sys
    import sacrebleu
    from rouge_score import rouge_scorer
    seed, n = int(sys.argv[1]), int(sys.argv[2])
    R = random.Random(seed)
    vocab="the cat sat on mat dog runs fast over lazy fox isn't U.S. 3.14 1,000 e.g. well-known 10-year &amp; &quot;hi&quot; \"quoted\" (paren) a.b,c ... -- - ' İstanbul Kelvin naïve Straße 北京 emoji😀 <skipped> x\u00a0y tab\tbed new-\nline $5.00 50% A/B foo_bar [x] {y} @home #tag ~ ` ^ * + = | \\ ; : ? ! \u2028 \x1c Å".split(' ')
    def text(base=None):
        if base is not None and R.random()<0.8:
            words=base.split(' ')
            for _ in range(R.randint(0,4)):
                if words: 
                    i=R.randrange(len(words)); c=R.random()
                    if c<.3: words[i]=R.choice(vocab)
                    elif c<.6: del words[i]
                    elif c<.8: words.insert(i,R.choice(vocab))
                    else: words.insert(i,words.pop(R.randrange(len(words))))
            return ' '.join(words)
        words=[R.choice(vocab) for _ in range(R.choice([0,1,2,3,5,12,30]))]
        return ''.join(w+R.choice([' ',' ',' ','  ','\n','. ',', ','\r\n']) for w in words)
    sc=rouge_scorer.RougeScorer(['rouge1','rouge2','rougeL','rougeLsum'])
    cases=[]
    for _ in range(n):
        k=R.randint(1,6); refs_n=R.randint(1,2)
        seg=[]
        for _ in range(k):
            refs=[text() for _ in range(refs_n)]
            seg.append(dict(answer=text(R.choice(refs)),references=refs))
        bleu=sacrebleu.corpus_bleu([s['answer'] for s in seg],[[s['references'][i] for s in seg] for i in range(refs_n)]).score
        s=seg[0]; r=sc.score_multi(s['references'],s['answer'])
        cases.append(dict(segments=seg,bleu=bleu,rouge={k:[v.precision,v.recall,v.fmeasure] for k,v in r.items()}))
    json.dump(cases,sys.stdout,ensure_ascii=True,indent=None,separators=(',',':'))
    """#
}
