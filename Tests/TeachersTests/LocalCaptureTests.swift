import Foundation
import Kernels
import TestSupport
import Testing
import Tokenization
import Transformer

@testable import Teachers
@testable import Traces

struct LocalCaptureTests {
  private let metadata = CaptureMetadata(
    provider: "local", baseURL: "", model: "tiny", teacherFingerprint: "f", terms: "allowed",
    capabilities: "{}", samplingTemperature: 1, maxTokens: 0, topK: 6, seed: 1, corpusSHA256: "c")

  /// A random model of a tokenizer's vocabulary.
  private func teacher(_ tokenizer: Tokenizer, maximumLength: Int) throws -> LocalTeacher {
    let configuration = ModelConfiguration(
      vocabSize: tokenizer.vocabularySize, hiddenSize: 16, intermediateSize: 20,
      numHiddenLayers: 1, numAttentionHeads: 2)
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.initialize(seed: 5, team: ComputeTeam(threadCount: 2))
    return try LocalTeacher(
      configuration: configuration, parameters: parameters, maximumLength: maximumLength,
      batchRows: 4 * maximumLength, team: ComputeTeam(threadCount: 2))
  }

  @Test func `a running text is cut where the teacher's tokens and whole characters end`() throws {
    let tokenizer = try ProjectionTexts.tokenizer(300)
    for text in ProjectionTexts.samples {
      for length in [1, 3, 17, 1000] {
        let pieces = CaptureText.pieces(of: text, tokenizer: tokenizer, length: length)
        #expect(pieces.map(\.text).joined() == text)
        #expect(pieces.map(\.id) == (0..<Int64(pieces.count)).map(\.self))
      }
    }
  }

  @Test func `a local teacher's captures spell the texts and hold what it said`() throws {
    let tokenizer = try ProjectionTexts.tokenizer(420)
    let teacher = try teacher(tokenizer, maximumLength: 60)
    let folder = try TemporaryFolder()
    let texts = ProjectionTexts.samples.enumerated().map {
      CaptureText(
        id: Int64($0), prompt: "Ask: ", text: String($1.prefix(40)), endsText: $0 % 2 == 0)
    }
    let collector = LocalCaptureCollector(
      teacher: teacher, tokenizer: tokenizer, topK: 6, lengthLimit: 60)
    let result = try collector.collect(texts, into: folder.url, metadata: metadata)
    #expect(result.end == .complete)
    var captures: [Capture] = []
    try CaptureReader(folder: folder.url).forEachGroup {
      captures += $0
      return true
    }
    #expect(captures.map(\.id) == texts.map(\.id))
    for (capture, text) in zip(captures, texts) {
      var coverage = ProjectionCoverage()
      let (prompt, answer) = capture.segments(coverage: &coverage)
      #expect(coverage.unalignedSequences == 0)
      #expect(prompt.text == text.prompt && text.text.utf8.starts(with: answer.text.utf8))
      #expect((answer.endToken != nil) == capture.isEnded)
      // A signal at every token of the answer, none in the prompt.
      for token in 0..<capture.tokens.count {
        let expected = token < capture.tokens.promptCount ? 0 : 6
        #expect(capture.tokens.candidates(of: token).count == expected)
      }
    }
    // Nothing is left to do, and nothing is asked again.
    var asked = 0
    let again = try collector.collect(texts, into: folder.url, metadata: metadata) {
      asked += 1; return false
    }
    #expect(again.end == .complete && asked == 0)
  }

  @Test func `a text that does not fit is cut with whole characters`() throws {
    let tokenizer = try ProjectionTexts.tokenizer(270)
    let text = CaptureText(id: 0, prompt: "p", text: ProjectionTexts.samples[3], endsText: true)
    for limit in 2...40 {
      let tokens = TeacherTokenization(text, tokenizer: tokenizer, lengthLimit: limit)
      #expect(tokens.isCut(from: text) && tokens.sequence.tokens.count <= limit)
      let rows = TraceSequence(
        id: 0, tokens: tokens.sequence.tokens, topK: 1,
        topKIDs: tokens.sequence.tokens, topKLogprobs: tokens.sequence.tokens.map { _ in -1 },
        candidateCounts: tokens.sequence.tokens.map { _ in 1 },
        otherLogprob: tokens.sequence.tokens.map { _ in -0.5 },
        lossMask: tokens.sequence.lossMask, isStruct: tokens.sequence.isStruct)
      let capture = tokens.capture(rows, tokenizer: tokenizer)
      #expect(ProjectionTexts.samples[3].utf8.starts(with: capture.text.utf8) && !capture.isEnded)
      var coverage = ProjectionCoverage()
      _ = capture.segments(coverage: &coverage)
      #expect(coverage.unalignedSequences == 0)
    }
  }
}
