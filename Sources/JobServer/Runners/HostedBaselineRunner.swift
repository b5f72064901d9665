internal import Checkpoints
internal import Foundation
internal import HostedTeachers
internal import JobAPI
internal import Jobs
internal import Traces
internal import WorkerPool

/// The locked baseline of a teacher that others serve: greedy answers to fixed prompts.
struct HostedBaselineRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  /// What `teacher_baseline.json` holds; a local teacher's has its own speed and size besides.
  private struct Baseline: Codable {
    struct Answer: Codable {
      let prompt: String
      let text: String
      let end: String
      let tokens: Int
      let latencyS: Double
    }
    struct Usage: Codable {
      let promptTokens: Int
      let completionTokens: Int
    }

    let teacher: String
    let provider: String
    let baseUrl: String
    let temperature: Double
    let maxTokens: Int
    let answers: [Answer]
    let usage: Usage
    let requests: Int
    let cost: Double
    let givenUp: Int
  }

  func run(_ spec: TeacherSpec) throws -> JobOutcome {
    do {
      return try answer(spec)
    } catch let error as HostedTeacherError {
      throw error.jobProblem
    }
  }

  private func answer(_ spec: TeacherSpec) throws -> JobOutcome {
    guard let endpoint = try spec.teacher.endpoint() else { preconditionFailure("not hosted") }
    let key = try endpoint.key(in: ProcessInfo.processInfo.environment)
    let prompts = try TeacherRunner.prompts(spec, paths: environment.paths)
    var question = HostedQuestion()
    question.topK = 0
    question.temperature = 0
    question.maxTokens = spec.maxTokens
    question.system = spec.teacher.hosted.system
    question.isStreamed = spec.teacher.hosted.isStreamed
    let options = HostedCollectionOptions(spec.teacher.hosted, question: question)

    let folder = try environment.folder.made(
      environment.folder.folder(of: running.job.id).appendingPathComponent("answers"))
    let corpus = HostedCollector.fingerprint(prompts, question, endpoint)
    let journal = try RequestJournal(folder: folder, corpus: corpus)
    // Answers stay in the journal: an interrupted baseline asks for none again.
    let collector = HostedCollector(
      prompts, of: endpoint, key: key, options: options, journal: journal, shards: [],
      corpusSHA256: corpus, writeShard: nil)
    let end = try collector.run(
      shouldStop: { running.stopRequested != nil },
      progress: { progress in
        running.report(
          Progress(
            fraction: progress.fraction, step: Int64(progress.stored),
            stepsTotal: Int64(progress.prompts), message: "answering"))
      })
    guard end == .complete else { return .stopped }
    let progress = collector.progress
    let answers = try journal.stored.sorted().map { try journal.capture($0) }
    guard !answers.isEmpty else {
      throw HostedTeacherError.incapable("none of \(prompts.count) prompts was answered")
    }
    let baseline = Baseline(
      teacher: endpoint.model, provider: endpoint.provider.rawValue, baseUrl: endpoint.baseURL,
      temperature: 0, maxTokens: spec.maxTokens,
      answers: answers.map {
        Baseline.Answer(
          prompt: $0.prompt, text: $0.text, end: $0.finishReason,
          tokens: $0.completionTokens ?? 0, latencyS: $0.latencySeconds)
      },
      usage: Baseline.Usage(
        promptTokens: progress.spend.promptTokens,
        completionTokens: progress.spend.completionTokens),
      requests: progress.spend.requests, cost: progress.cost, givenUp: progress.poisoned)
    let report = try environment.writeReport(baseline, "teacher_baseline.json", of: running)
    let facts = ["usage", "requests", "cost", "given_up"]
    return .succeeded(
      result: .object(JSONObject(facts.compactMap { name in report[name].map { (name, $0) } })))
  }
}
