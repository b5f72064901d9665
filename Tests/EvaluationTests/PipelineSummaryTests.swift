import Evaluation
import Foundation
import Testing

struct PipelineSummaryTests {
  /// The fields that API.md names, each null where nothing was measured.
  @Test func `every field of the contract is there, measured or null`() throws {
    let data = try ReportJSON.encode(PipelineSummary(state: "running"))
    let written = try JSONTree(String(decoding: data, as: UTF8.self))
    let scores: JSONTree = .object([
      "exact_match": .null, "json_valid_rate": .null, "cross_entropy": .null, "perplexity": .null,
      "kl_to_teacher": .null, "same_top": .null,
    ])
    let speed: JSONTree = .object(["prefill_tokens_per_s": .null, "decode_tokens_per_s": .null])
    #expect(
      written
        == .object([
          "state": .text("running"), "started_at": .null, "finished_at": .null,
          "duration_s": .null, "jobs": .object([:]), "checklist": .list([]),
          "scores": .object([
            "teacher": scores, "direct_a8": scores, "distilled_a8": scores, "distilled_a4": scores,
          ]),
          "sizes_bytes": .object([
            "teacher": .null, "student_packed": .null, "student_latent": .null,
          ]), "speed": .object(["teacher": speed, "student": speed]),
          "qei": .object(["qei": .null, "qei_speed": .null, "quality_metric": .null]),
          "dryrun": .object([
            "parameters": .null, "predicted_bytes": .null, "peak_rss_bytes": .null,
            "prefill_tokens_per_s": .null, "decode_tokens_per_s": .null, "a4": speed,
          ]),
        ]))
  }

  @Test func `what is not finite was not measured`() throws {
    var summary = PipelineSummary(state: "failed")
    summary.durationS = .nan
    summary.scores.teacher.perplexity = .infinity
    let data = try ReportJSON.encode(summary)
    let copy = try ReportJSON.decode(PipelineSummary.self, from: data)
    #expect(copy.durationS == nil)
    #expect(copy.scores.teacher.perplexity == nil)
  }

  @Test func `an evaluation and a dry run fill it`() throws {
    let content = SampleReport.content
    let summary = content.summary
    #expect(summary.scores.distilledA8.exactMatch == 0.965)
    #expect(summary.sizesBytes.studentLatent == 4 * 1_900_000)
    #expect(summary.checklist.count == 2)
    #expect(summary.dryrun.parameters == 6_738_415_616)
    #expect(summary.dryrun.predictedBytes == 2_300_000_000)
    let data = try ReportJSON.encode(summary)
    #expect(try ReportJSON.decode(PipelineSummary.self, from: data) == summary)
  }
}

struct DryRunReportTests {
  @Test func `training memory is shared as ZeRO says`() {
    let none = TrainingMemory(parameters: 1000, activationBytes: 50, worldSize: 1, zeroStage: 0)
    #expect(none.totalBytes == 16_050)
    let first = TrainingMemory(parameters: 1000, activationBytes: 50, worldSize: 4, zeroStage: 1)
    #expect(first.totalBytes == 4000 + 4000 + 2000 + 50)
    let third = TrainingMemory(parameters: 1000, activationBytes: 50, worldSize: 4, zeroStage: 3)
    #expect(third.totalBytes == 4050)
    #expect(TrainingMemory.table(parameters: 10, activationBytes: 0).count == 10)
  }

  @Test func `memory adds up only when all of it is known`() {
    #expect(
      DryRunReport.Memory(packedWeights: 1, embeddings: 2, cache: 3, scratch: 4).total == 10)
    #expect(DryRunReport.Memory(packedWeights: 1).total == nil)
  }

  @Test func `a report reads back as it was written`() throws {
    let report = try #require(SampleReport.content.dryRun)
    let data = try ReportJSON.encode(report)
    #expect(try ReportJSON.decode(DryRunReport.self, from: data) == report)
    #expect(report.predictionError == 0)
  }
}
