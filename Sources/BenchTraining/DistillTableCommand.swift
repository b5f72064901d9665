import ArgumentParser
import Foundation

/// Turns what `distill` and its peer measured into the lines that all benchmarks print and a table.
struct DistillTableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill-table",
    abstract: "Sum up measurements of steps with a teacher: JSON lines, then Markdown.")

  @Argument(help: "Files of lines that `distill` and `peer` printed.")
  var files: [String]

  func run() throws {
    let measurements = try files.flatMap { try Measurement.read($0) }
    var summaries: [DistillSummary] = []
    for benchCase in BenchCase.allCases {
      for threads in Set(measurements.map(\.threads)).sorted() {
        let these = measurements.filter {
          $0.benchCase == benchCase.rawValue && $0.threads == threads
        }
        if let summary = DistillSummary(benchCase, threads: threads, of: these) {
          summaries.append(summary)
        }
      }
    }
    for summary in summaries { print(try summary.line.json) }
    let head = [
      "shape", "threads", "step, tokens/s", "ms", "student's step alone, ms",
      "teacher's forward, ms", "of student + 1.15 · teacher", "best peer", "tokens/s",
      "ours to it", "peak RSS", "to the leanest peer", "runs",
    ]
    print()
    for row in [head, head.map { _ in "---" }] + summaries.map(\.row) {
      print("| " + row.joined(separator: " | ") + " |")
    }
  }
}

/// One shape on one number of threads: medians over all runs.
struct DistillSummary {
  let benchCase: BenchCase
  let threads: Int
  let step: CaseSummary.Side
  /// nil where they were not measured.
  let student: CaseSummary.Side?
  let teacher: CaseSummary.Side?
  let peers: [CaseSummary.Side]

  /// Nil when our step was not measured.
  init?(_ benchCase: BenchCase, threads: Int, of measurements: [Measurement]) {
    func side(_ name: String) -> CaseSummary.Side? {
      CaseSummary.Side(measurements.filter { $0.side == name })
    }
    guard let step = side(DistillCommand.Part.step.rawValue) else { return nil }
    self.benchCase = benchCase
    self.threads = threads
    self.step = step
    student = side(DistillCommand.Part.student.rawValue)
    teacher = side(DistillCommand.Part.teacher.rawValue)
    peers = PeerMode.allCases.compactMap { side($0.rawValue) }
  }

  private var tokens: Double { Double(benchCase.batch.sequences * benchCase.batch.length) }
  /// The fastest peer.
  private var best: CaseSummary.Side? { peers.max { $0.tokensPerSecond < $1.tokensPerSecond } }
  /// Ours, as a share of the memory of the peer that needs the least.
  private var residentRatio: Double? {
    peers.map(\.residentBytes).min().map { step.residentBytes / $0 }
  }
  /// What the step may take: the student's and 1.15 times the teacher's forward pass.
  private var allowedSeconds: Double? {
    guard let student, let teacher else { return nil }
    return tokens / student.tokensPerSecond + 1.15 * tokens / teacher.tokensPerSecond
  }
  private var shareOfAllowed: Double? {
    allowedSeconds.map { tokens / step.tokensPerSecond / $0 }
  }

  /// Its limit is the speed that the step may not fall below.
  var line: BenchLine {
    BenchLine(
      bench: "distillation", benchCase: benchCase.rawValue + "-step-with-teacher",
      threads: threads, ours: step.tokensPerSecond, peer: best?.tokensPerSecond,
      peerName: best?.name, ratio: best.map { step.tokensPerSecond / $0.tokensPerSecond },
      runs: step.runs, peakRSSRatio: residentRatio, limit: allowedSeconds.map { tokens / $0 },
      shareOfLimit: shareOfAllowed.map { 1 / $0 })
  }

  var row: [String] {
    func milliseconds(_ side: CaseSummary.Side?) -> String {
      number(side.map { 1000 * tokens / $0.tokensPerSecond }, "%.1f")
    }
    return [
      benchCase.rawValue, "\(threads)", number(step.tokensPerSecond, "%.0f"), milliseconds(step),
      milliseconds(student), milliseconds(teacher),
      verdict(shareOfAllowed, isMet: { $0 <= 1 }, "≤ 1"),
      best?.name ?? "–", number(best?.tokensPerSecond, "%.0f"),
      verdict(best.map { step.tokensPerSecond / $0.tokensPerSecond }, isMet: { $0 >= 2 }, "≥ 2"),
      String(format: "%.2f GB", step.residentBytes / 1e9),
      verdict(residentRatio, isMet: { $0 < 0.5 }, "< 0.5"), "\(step.runs)",
    ]
  }

  private func number(_ value: Double?, _ format: String) -> String {
    value.map { String(format: format, $0) } ?? "–"
  }

  private func verdict(_ value: Double?, isMet: (Double) -> Bool, _ bound: String) -> String {
    value.map { String(format: "%.2f ", $0) + (isMet($0) ? "(\(bound))" : "(**not \(bound)**)") }
      ?? "–"
  }
}
