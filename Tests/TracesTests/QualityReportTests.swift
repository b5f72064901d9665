import Foundation
import TestSupport
import Testing

@testable import Traces

struct QualityReportTests {
  private func quality(
    _ ids: [Int32], _ logprobs: [Float], other: Float, token: Int32 = 1
  ) -> RowQuality {
    TraceSequence.row(ids: ids, logprobs: logprobs, other: other, token: token)
      .quality(ofRow: 0, vocabularySize: 100)
  }

  @Test func `a fair coin has one bit of entropy`() {
    let half = Float(log(0.5))
    guard case .valid(let mass, let entropy) = quality([7, 3], [half, half], other: -.infinity)
    else {
      Issue.record("expected a valid row")
      return
    }
    // float32 rounds log(1/2) by at most 6e-8 of itself.
    #expect(abs(mass - 1) < 1e-7)
    #expect(abs(entropy - log(2)) < 1e-7)
  }

  @Test func `rows that are no distributions are told apart`() {
    let half = Float(log(0.5))
    #expect(quality([], [], other: 0) == .noSignal)
    #expect(quality([], [], other: -1) == .invalid(.wrongTotal))
    #expect(quality([1], [half], other: 0) == .invalid(.wrongTotal))
    #expect(quality([1], [-9999], other: 0) == .invalid(.notALogprob))
    #expect(quality([1], [.nan], other: half) == .invalid(.notALogprob))
    #expect(quality([1], [half], other: .nan) == .invalid(.notALogprob))
    #expect(quality([1], [0.5], other: half) == .invalid(.notALogprob))
    #expect(quality([1, 1], [half, half], other: -20) == .invalid(.repeatedID))
    #expect(quality([1, 2], [-2, half], other: -1.3) == .invalid(.notDescending))
    #expect(quality([100], [half], other: half) == .invalid(.idOutsideVocabulary))
    #expect(quality([-1], [half], other: half) == .invalid(.idOutsideVocabulary))
    #expect(quality([1], [half], other: half, token: 100) == .invalid(.idOutsideVocabulary))
  }

  @Test func `the report counts what is there, and the gate follows the invalid share`() throws {
    var report = QualityReport(metadata: .example)
    #expect(!report.passesGate)
    let sequences = exampleSequences(count: 30, seed: 4)
    for sequence in sequences { report.add(sequence) }
    report.add(sequences[0])
    #expect(report.sequences == 31)
    #expect(report.duplicateSequences >= 1)
    #expect(report.rows == sequences.reduce(sequences[0].count) { $0 + $1.count })
    #expect(report.rowsWithoutSignal == 31)
    #expect(report.validRows == report.rows - 31)
    #expect(report.topKMass.total == report.validRows)
    #expect(report.passesGate)
    for _ in 0..<(report.validRows / 40) {
      report.add(.row(ids: [1], logprobs: [-9999], other: 0))
    }
    #expect(!report.passesGate)
    #expect(report.invalidRowsByReason == ["not_a_logprob": report.invalidRows])
    let invalid = report.invalidRows
    #expect(
      report.gateFailure
        == "\(invalid) of \(report.rows) rows are invalid; at most 2.0 % may be; \(invalid) are not_a_logprob"
    )
  }

  @Test func `traces without a distribution say why`() {
    var report = QualityReport(metadata: .example)
    report.add(.row(ids: [], logprobs: [], other: 0))
    var projection = ProjectionCoverage()
    #expect(report.gateFailure == "none of 1 rows has a distribution of the teacher")
    projection.addUnalignedSequence()
    report.projection = projection
    #expect(
      report.gateFailure
        == "none of 1 rows has a distribution of the teacher; the tokens of 1 of 1 answers do not "
        + "spell their text, as where a provider rewrites it or it is no UTF-8")
  }

  @Test func `a report read from shards equals one made while collecting, in JSON too`() throws {
    let folder = try TemporaryFolder()
    let writer = try TraceShardWriter(
      folder: folder.url, metadata: .example, rowsPerShard: 100, rowsPerGroup: 40)
    var report = QualityReport(metadata: .example)
    for sequence in exampleSequences(count: 20, seed: 5) {
      _ = try writer.append(sequence)
      report.add(sequence)
    }
    _ = try writer.finish()
    let read = try QualityReport(reading: TraceSet(folder: folder.url))
    #expect(read == report)
    let object = try #require(
      try JSONSerialization.jsonObject(with: read.json()) as? [String: Any])
    #expect(object["rows"] as? Int == report.rows)
    #expect(object["passes_gate"] as? Bool == true)
    #expect(object["invalid_share"] as? Double == 0)
  }

  @Test func `the picture is well-formed and tells the figures, also of an empty trace`() throws {
    var metadata = TraceMetadata.example
    metadata.teacher = "<a & b>"
    var report = QualityReport(metadata: metadata)
    for filled in [false, true] {
      if filled { exampleSequences(count: 5, seed: 6).forEach { report.add($0) } }
      let svg = QualityPicture(of: report).svg
      #expect(svg.contains("teacher &lt;a &amp; b&gt;"))
      #expect(svg.contains("\(report.rows) rows"))
      #expect(!svg.contains("nan"))
      #expect(svg.split(separator: "<text").count == svg.split(separator: "</text>").count)
    }
  }

  @Test func `quantiles of a histogram lie where the values are`() {
    var histogram = Histogram(0...1, cellCount: 100)
    #expect(histogram.quantile(0.5) == nil)
    for value in 0..<1000 { histogram.add(Double(value) / 1000) }
    // A cell is 0.01 wide.
    #expect(abs((histogram.quantile(0.5) ?? 0) - 0.5) <= 0.01)
    #expect(abs((histogram.quantile(0.99) ?? 0) - 0.99) <= 0.01)
    histogram.add(7)
    histogram.add(-7)
    #expect(histogram.total == 1002)
  }
}
