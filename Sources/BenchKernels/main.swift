import ArgumentParser
import Kernels

/// Prints one JSON line a case, in the format of all benchmarks (docs/http-api.md).
struct BenchKernels: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The machine's peaks, and what the operations of a training step reach of them.")

  @Option(help: "Shape: mini, small or qwen3-0.6b; may be given several times.")
  var shape: [KernelShape] = KernelShape.allCases
  @Option(help: "Threads of the compute team; may be given several times.")
  var threads: [Int] = [1, 2]
  @Option(help: "Only cases whose name contains this.")
  var only = ""
  @Option(help: "Seconds for a case, and as many for the peer's.")
  var seconds = 0.1
  @Flag(help: "Each thread on a CPU of its own.")
  var pinned = false
  @Option(help: "Python with PyTorch; with --peer-script, it does each product after us.")
  var peerPython: String?
  @Option(help: "bench/kernels_peer.py.")
  var peerScript: String?

  func run() throws {
    for threadCount in threads {
      let team = ComputeTeam(threadCount: threadCount, placement: pinned ? .pinned : .free)
      let peaks = MachinePeaks.measured(team: team)
      try writePeaks(peaks)
      try writeForkJoin(team: team)
      for shape in shape {
        try measureProducts(of: shape, peaks: peaks, team: team)
        try measurePasses(of: shape, peaks: peaks, team: team)
      }
    }
  }

  private func writePeaks(_ peaks: MachinePeaks) throws {
    let figures = [
      ("peak/fp32", peaks.fp32PerSecond, "GOP/s"), ("peak/bf16", peaks.bf16PerSecond, "GOP/s"),
      ("peak/int16", peaks.int16PerSecond, "GOP/s"),
      ("peak/int8", peaks.int8PerSecond, "GOP/s"),
      ("peak/memory-read", peaks.readBytesPerSecond, "GB/s"),
      ("peak/memory-update", peaks.updateBytesPerSecond, "GB/s"),
    ]
    for (name, value, unit) in figures where wants(name) {
      try BenchLine(name: name, threads: peaks.threads, ours: value / 1e9, unit: unit).write()
    }
  }

  private func writeForkJoin(team: ComputeTeam) throws {
    guard wants("fork-join") else { return }
    let calls = 1000
    let seconds = medianSeconds(
      of: { for _ in 0..<calls { team.parallelRows(team.threadCount) { _ in } } },
      for: .seconds(seconds))
    try BenchLine(
      name: "fork-join", threads: team.threadCount, ours: seconds / Double(calls) * 1e6,
      unit: "us"
    ).write()
  }

  private func measureProducts(
    of shape: KernelShape, peaks: MachinePeaks, team: ComputeTeam
  ) throws {
    let cases = ProductCase.all(of: shape).filter { wants($0.name) }
    guard !cases.isEmpty else { return }
    let operands = Operands(for: cases, team: team)
    var peer: PeerProcess?
    if let peerPython, let peerScript {
      peer = try PeerProcess(
        python: peerPython, script: peerScript, threads: team.threadCount, seconds: seconds)
    }
    for product in cases {
      let seconds = medianSeconds(of: operands.work(for: product), for: .seconds(seconds))
      try BenchLine(
        name: product.name, threads: team.threadCount, ours: product.operations / seconds / 1e9,
        unit: "GOP/s", peer: try peer?.measure(product), limit: product.peak(of: peaks) / 1e9
      ).write()
    }
    try peer?.end()
  }

  private func measurePasses(
    of shape: KernelShape, peaks: MachinePeaks, team: ComputeTeam
  ) throws {
    for pass in VectorCase.all(of: shape, team: team) where wants(pass.name) {
      let seconds = medianSeconds(of: pass.work, for: .seconds(seconds))
      let isUpdate = pass.name.hasSuffix("adamw")
      try BenchLine(
        name: pass.name, threads: team.threadCount, ours: pass.bytes / seconds / 1e9,
        unit: "GB/s",
        limit: (isUpdate ? peaks.updateBytesPerSecond : peaks.readBytesPerSecond) / 1e9
      ).write()
    }
  }

  private func wants(_ name: String) -> Bool { only.isEmpty || name.contains(only) }
}

BenchKernels.main()
