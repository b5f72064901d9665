import Foundation
import TestSupport
import Testing
import Tokenization

@testable import Teachers
@testable import Traces

struct TokenProjectionTests {
  private func project(
    _ capture: Capture, to student: Tokenizer, teacher: Tokenizer,
    method: TokenProjection.Method = .contextual, topK: Int = 1000
  ) throws -> (rows: TraceSequence, coverage: ProjectionCoverage) {
    var coverage = ProjectionCoverage()
    let projection = TokenProjection(
      to: student, method: method, topK: topK, teacherEnd: teacher.endOfText)
    let rows = try #require(
      projection.project(
        capture, endsText: capture.isEnded, trainsOnPrompt: false, coverage: &coverage))
    return (rows, coverage)
  }

  /// Student token to mass, of one row.
  private func masses(_ rows: TraceSequence, row: Int) -> [Int32: Double] {
    let first = row * rows.topK
    return Dictionary(
      uniqueKeysWithValues: (first..<(first + Int(rows.candidateCounts[row]))).map {
        (rows.topKIDs[$0], exp(Double(rows.topKLogprobs[$0])))
      })
  }

  @Test(
    arguments: [TokenProjection.Method.contextual, .legacyFirstSubtoken], [2, 1000])
  func `mass is neither lost nor made, between any two tokenizers`(
    method: TokenProjection.Method, topK: Int
  ) throws {
    let teacher = try ProjectionTexts.tokenizer(420, part: 1)
    for student in [
      try ProjectionTexts.tokenizer(300), try ProjectionTexts.tokenizer(700, .digits, part: 2),
    ] {
      for (seed, text) in ProjectionTexts.samples.enumerated() {
        let capture = ProjectionTexts.capture(
          text, teacher: teacher, count: 12, seed: UInt64(seed))
        let (rows, _) = try project(
          capture, to: student, teacher: teacher, method: method, topK: topK)
        #expect(rows.tokens == student.encode(text) + [student.endOfText].compactMap(\.self))
        for row in 0..<rows.count {
          let total = masses(rows, row: row).values.reduce(exp(Double(rows.otherLogprob[row])), +)
          #expect(abs(total - 1) < 1e-5, "text \(seed), row \(row)")
          #expect(
            rows.quality(ofRow: row, vocabularySize: student.vocabularySize)
              != .invalid(.wrongTotal))
        }
      }
    }
  }

  @Test func `the same tokenizer on both sides is the identity`() throws {
    let tokenizer = try ProjectionTexts.tokenizer(500)
    for (seed, text) in ProjectionTexts.samples.enumerated() {
      let capture = ProjectionTexts.capture(
        text, teacher: tokenizer, count: 9, seed: UInt64(seed))
      let (rows, coverage) = try project(capture, to: tokenizer, teacher: tokenizer)
      #expect(rows.tokens == capture.tokens.ids)
      for row in 0..<rows.count {
        let expected = capture.tokens.candidates(of: row)
        let first = row * rows.topK
        #expect(Int(rows.candidateCounts[row]) == expected.count)
        for (place, candidate) in expected.enumerated() {
          #expect(rows.topKIDs[first + place] == capture.tokens.candidateIDs[candidate])
          let found = rows.topKLogprobs[first + place]
          #expect(abs(found - capture.tokens.candidateLogprobs[candidate]) < 1e-6)
        }
      }
      #expect(coverage.rowsInsideTokens == 0)
      #expect(abs((coverage.shares["exact"] ?? 0) - 1) < 1e-12)
    }
  }

  /// The sum over all branches of the teacher's known tree, each encoded with the whole text before
  /// it and nothing else: rules 1 to 3 without windows, tables or recursion over rows.
  private func bruteForce(
    _ capture: Capture, student: Tokenizer, row: Int, teacher: Tokenizer
  ) -> [Int32: Double]? {
    let text = Array(capture.text.utf8)
    let encoded = student.encodeWithOffsets(capture.text)
    let span = encoded[row].bytes
    var starts: [Int] = []
    var at = 0
    for token in 0..<capture.tokens.count {
      starts.append(at)
      at += capture.tokens.bytes(of: token).count
    }
    guard let place = starts.firstIndex(of: span.lowerBound),
      !capture.tokens.bytes(of: place).isEmpty
    else { return nil }
    var result: [Int32: Double] = [:]
    func leaf(_ bytes: [UInt8], _ mass: Double) {
      let vocabulary = (1..<Int32(student.vocabularySize)).last {
        Array(student.bytes(of: $0)) == bytes
      }
      if let vocabulary { return result[vocabulary, default: 0] += mass }
      var whole = Array(text[..<span.lowerBound]) + bytes
      while String(validating: whole, as: UTF8.self) == nil, whole.count > span.lowerBound {
        whole.removeLast()
      }
      guard whole.count > span.lowerBound,
        let string = String(validating: whole, as: UTF8.self),
        let token = student.encodeWithOffsets(string).first(where: {
          $0.bytes.lowerBound == span.lowerBound
        })
      else { return }
      result[token.id, default: 0] += mass
    }
    func walk(_ place: Int, _ prefix: [UInt8], _ mass: Double) {
      var rest = mass
      for candidate in capture.tokens.candidates(of: place) {
        let share = mass * exp(Double(capture.tokens.candidateLogprobs[candidate]))
        rest -= share
        let id = capture.tokens.candidateIDs[candidate]
        let bytes = prefix + Array(capture.tokens.candidateBytes(of: candidate))
        if id == teacher.endOfText {
          if prefix.isEmpty {
            result[student.endOfText ?? -1, default: 0] += share
          } else {
            leaf(prefix, share)
          }
        } else if id != capture.tokens.ids[place] {
          leaf(bytes, share)
        } else if bytes.count >= span.count {
          result[encoded[row].id, default: 0] += share
        } else if place + 1 < capture.tokens.count {
          walk(place + 1, bytes, share)
        } else {
          leaf(bytes, share)
        }
      }
      if !prefix.isEmpty { leaf(prefix, rest) }
    }
    walk(place, [], 1)
    return result
  }

  @Test func `brute-force marginalisation over a small vocabulary agrees`() throws {
    let teacher = try ProjectionTexts.tokenizer(290, part: 1)
    let student = try ProjectionTexts.tokenizer(420, part: 2)
    var spans = 0
    for (seed, text) in ProjectionTexts.samples.enumerated() {
      let capture = ProjectionTexts.capture(
        text, teacher: teacher, count: 24, seed: UInt64(seed) + 50)
      let (rows, coverage) = try project(capture, to: student, teacher: teacher)
      for row in 0..<rows.count - 1 {
        guard
          let expected = bruteForce(capture, student: student, row: row, teacher: teacher)
        else {
          #expect(rows.candidateCounts[row] == 0 && rows.otherLogprob[row] == 0)
          continue
        }
        let found = masses(rows, row: row)
        #expect(Set(found.keys) == Set(expected.keys), "text \(seed), row \(row)")
        for (token, mass) in expected {
          #expect(abs((found[token] ?? 0) - mass) < 1e-5, "text \(seed), row \(row), \(token)")
        }
      }
      if (coverage.shares["realised_span"] ?? 0) > 0 { spans += 1 }
    }
    #expect(spans > 0, "no student token covers several of the teacher's")
  }

  @Test func `a student token over two teacher tokens gets the product, the rest stays apart`()
    throws
  {
    let student = try BytePairTrainer(
      vocabularySize: 257 + 1, specialTokens: ["<|endoftext|>"]
    ).train([String(repeating: "ab", count: 9)])
    func id(_ text: String) throws -> Int32 { try #require(student.id(of: text)) }
    var tokens = CapturedTokens()
    func add(_ token: String, _ candidates: [(String, Double)]) {
      tokens.append(Array(token.utf8), logprob: CapturedTokens.unknownLogprob)
      for (text, p) in candidates {
        tokens.appendCandidate(Array(text.utf8), logprob: Float(log(p)))
      }
    }
    add("a", [("a", 0.5), ("b", 0.3), ("c", 0.1)])
    add("b", [("b", 0.6), ("c", 0.4)])
    let (rows, coverage) = try project(
      Capture(id: 0, prompt: "", text: "ab", tokens: tokens), to: student, teacher: student)
    #expect(rows.tokens == [try id("ab")])
    let found = masses(rows, row: 0)
    #expect(abs((found[try id("ab")] ?? 0) - 0.3) < 1e-6)
    #expect(abs((found[try id("a")] ?? 0) - 0.2) < 1e-6)
    #expect(abs((found[try id("b")] ?? 0) - 0.3) < 1e-6)
    #expect(abs((found[try id("c")] ?? 0) - 0.1) < 1e-6)
    #expect(abs(exp(Double(rows.otherLogprob[0])) - 0.1) < 1e-6)
    #expect(abs((coverage.mass[.realisedSpan] ?? 0) - 0.3) < 1e-6)
  }

  @Test func `a candidate becomes the token that it gets in the text, not alone`() throws {
    let student = try BytePairTrainer(
      vocabularySize: 257 + 2, specialTokens: ["<|endoftext|>"]
    ).train([String(repeating: "xay xay ", count: 9)])
    let teacher = try ProjectionTexts.tokenizer(300)
    var tokens = CapturedTokens()
    tokens.append(Array("zz".utf8), logprob: -1)
    tokens.appendCandidate(Array("xaz".utf8), logprob: log(0.75))
    tokens.appendCandidate(Array("xa".utf8), logprob: log(0.25))
    let (rows, coverage) = try project(
      Capture(id: 0, prompt: "", text: "zz", tokens: tokens), to: student, teacher: teacher)
    let first = try #require(student.encode("xaz").first)
    #expect((coverage.mass[.firstSubtoken] ?? 0) >= 0.75 - 1e-6)
    #expect((masses(rows, row: 0)[first] ?? 0) >= 0.75 - 1e-6)
  }

  @Test func `the published rule has its own name, and says what it collapses`() throws {
    #expect(TokenProjection.Method(rawValue: "first_subtoken") == nil)
    #expect(TokenProjection.Method.legacyFirstSubtoken.rawValue == "legacy_first_subtoken")
    let student = try ProjectionTexts.tokenizer(258)
    let teacher = try ProjectionTexts.tokenizer(500)
    let capture = ProjectionTexts.capture(
      ProjectionTexts.samples[0], teacher: teacher, count: 60, seed: 5)
    let legacy = try project(
      capture, to: student, teacher: teacher, method: .legacyFirstSubtoken)
    #expect(legacy.coverage.legacyCollapsedIDs > 0)
    #expect(
      legacy.coverage.legacyCollapsedCandidates >= 2 * legacy.coverage.legacyCollapsedIDs)
    let json = try #require(
      JSONSerialization.jsonObject(with: JSONEncoder().encode(legacy.coverage)) as? [String: Any])
    let report = try #require(json["legacy_first_subtoken"] as? [String: Any])
    #expect(report["collapsed_ids"] as? Int == legacy.coverage.legacyCollapsedIDs)
    let contextual = try project(capture, to: student, teacher: teacher)
    #expect(contextual.coverage.mass[.legacyFirstSubtoken] == nil)
    #expect(contextual.coverage.legacyCandidates.isEmpty)
  }

  @Test func `tokens that do not spell the text give no signal, and are counted`() throws {
    let tokenizer = try ProjectionTexts.tokenizer(300)
    var capture = ProjectionTexts.capture("some text", teacher: tokenizer, count: 3, seed: 1)
    capture.text = "another text"
    let (rows, coverage) = try project(capture, to: tokenizer, teacher: tokenizer)
    #expect(rows.candidateCounts.allSatisfy { $0 == 0 } && coverage.unalignedSequences == 1)
    #expect(rows.otherLogprob.allSatisfy { $0 == 0 })
  }

  @Test func `sentinels and values that are no logs count as not listed`() throws {
    let tokenizer = try ProjectionTexts.tokenizer(300)
    var tokens = CapturedTokens()
    tokens.append(Array("a".utf8), logprob: -9999)
    for (text, logprob) in [("a", -9999), ("b", Float.nan), ("c", 0.5), ("d", -0.7)] {
      tokens.appendCandidate(Array(text.utf8), logprob: Float(logprob))
    }
    let (rows, _) = try project(
      Capture(id: 0, prompt: "", text: "a", tokens: tokens), to: tokenizer, teacher: tokenizer)
    #expect(rows.candidateCounts == [1] && rows.topKIDs[0] == tokenizer.id(of: "d"))
    #expect(abs(exp(rows.otherLogprob[0]) - (1 - exp(-0.7))) < 1e-6)
  }

  @Test func `captures become a trace without the teacher, and again after an interruption`() throws
  {
    let teacher = try ProjectionTexts.tokenizer(420, part: 1)
    let student = try ProjectionTexts.tokenizer(600)
    let folder = try TemporaryFolder()
    var metadata = CaptureMetadata(
      provider: "local", baseURL: "", model: "t", teacherFingerprint: "f", terms: "allowed",
      capabilities: "{}", samplingTemperature: 1, maxTokens: 9, topK: 9, seed: 1, corpusSHA256: "c")
    metadata.endOfTextID = teacher.endOfText
    let captures = ProjectionTexts.samples.enumerated().map { index, text in
      var capture = ProjectionTexts.capture(
        text, teacher: teacher, count: 9, seed: UInt64(index))
      capture.id = Int64(index)
      capture.prompt = "Question \(index)\n"
      return capture
    }
    let writer = try CaptureShardWriter(folder: folder.url, metadata: metadata)
    _ = try writer.write(Array(captures[..<2]), shard: 0)
    _ = try writer.write(Array(captures[2...]), shard: 1)
    let reader = try CaptureReader(folder: folder.url)
    let projection = CaptureProjection(to: student, topK: 9)
    let (whole, parts) = (folder["whole"], folder["parts"])
    for url in [whole, parts] {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }
    let coverage = try #require(try projection.run(captures: reader, into: whole))
    var asked = 0
    let stopped = try projection.run(
      captures: reader, into: parts,
      shouldStop: {
        asked += 1
        return asked > 1
      })
    #expect(stopped == nil)
    let again = try #require(try projection.run(captures: reader, into: parts))
    #expect(again.rows == coverage.rows)
    let (one, other) = (try TraceSet(folder: whole), try TraceSet(folder: parts))
    #expect(one.count == captures.count && other.count == captures.count)
    for index in 0..<one.count {
      let sequence = try one.sequence(at: index)
      #expect(try other.sequence(at: index) == sequence)
      // The prompt is context: no loss and no signal there.
      let prompt = student.encode(captures[index].prompt).count
      #expect(sequence.lossMask.prefix(prompt).allSatisfy { !$0 })
      #expect(sequence.lossMask.dropFirst(prompt).allSatisfy { $0 })
    }
    #expect(one.metadata.projection == "contextual" && one.metadata.teacherFingerprint == "f")
    #expect(throws: TraceError.self) {
      try one.requireTokenizer(
        sha256: teacher.sha256, vocabularySize: teacher.vocabularySize)
    }
  }
}
