import ArgumentParser
import Distillation
import Kernels
import Transformer

/// Measures our step with a teacher beside the student, or one of the two things that it is made of:
/// each in a process of its own, so that the peak of resident memory is its.
struct DistillCommand: ParsableCommand {
  /// What is measured.
  enum Part: String, CaseIterable, ExpressibleByArgument {
    /// Cross-entropy, KL over the whole vocabulary at τ = 5, and the relations of one layer.
    case step = "ours"
    /// The student's step with cross-entropy alone.
    case student
    /// The teacher's forward pass, its logits included.
    case teacher
  }

  static let configuration = CommandConfiguration(
    commandName: "distill",
    abstract: "Measure a step with a local teacher, or its parts; prints one JSON line.")

  @Option(help: "Shape of student and teacher: mini, small or qwen3-0.6b.")
  var `case` = BenchCase.mini
  @Option(help: "ours: the whole step; student: its step alone; teacher: its forward pass alone.")
  var part = Part.step
  @Option(help: "Threads of the compute team.")
  var threads = 2
  @Option(help: "Timed steps; the median counts.")
  var samples = 5
  @Option(help: "Steps before them.")
  var warmups = 2
  @Flag(help: "Pin the threads to CPUs.")
  var pin = false

  private static let temperature: Float = 5

  func run() throws {
    let team = ComputeTeam(threadCount: threads, placement: pin ? .pinned : .free)
    let line = try part == .teacher ? teacherForward(team) : step(team)
    print(try line.json)
  }

  private func step(_ team: ComputeTeam) throws -> Measurement {
    let losses =
      part == .student
      ? LossWeights.crossEntropyOnly
      : LossWeights(
        kd: DistillationLoss(temperature: Self.temperature, source: .dense), ce: 1, format: 0,
        ad: AttentionRelationTerm(weight: 1))
    let teacher =
      part == .student
      ? nil
      : try CompanionTeacher(
        weights: teacherWeights(team), maximumSequences: `case`.batch.sequences,
        maximumLength: `case`.batch.length, precision: .bf16, team: team)
    let trainer = try Trainer(
      recipe: TrainingRecipe(
        method: part == .student ? .direct : .distill, sequenceLength: `case`.batch.length,
        batchSize: `case`.batch.sequences, steps: warmups + samples,
        optimizer: TrainingRecipe.Optimizer(learningRate: 3e-4),
        schedule: LearningRateSchedule(kind: .constant), losses: losses, precision: .bf16,
        logEvery: .max),
      configuration: `case`.configuration, data: SyntheticTraces.data(for: `case`),
      teacher: teacher, team: team)
    var rates: [Double] = []
    for step in 0..<warmups + samples {
      let report = try trainer.step()
      if step >= warmups { rates.append(report.tokensPerSecond) }
    }
    // Read before the peaks are measured, which takes memory of its own.
    let peakResidentBytes = trainer.health.memory.peakResidentBytes
    trainer.machine = MachinePeaks.measured(team: team)
    return measurement(
      rates, peakResidentBytes: peakResidentBytes, profile: trainer.health.profile,
      peaks: trainer.machine)
  }

  private func teacherForward(_ team: ComputeTeam) throws -> Measurement {
    let (sequences, length) = `case`.batch
    let vocabularySize = `case`.configuration.vocabSize
    let model = StoredTransformer(
      weights: try teacherWeights(team), maximumSequences: sequences, maximumLength: length,
      precision: .bf16, team: team)
    var random = SystemRandomNumberGenerator()
    let batch = TokenBatch(
      (0..<sequences).map { _ in
        (0..<length).map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &random) }
      })
    // As many rows at a time as the step's chunks have.
    let chunkRows = 256
    let logits = AlignedBuffer<Float>(count: chunkRows * vocabularySize)
    let width = `case`.teacherConfiguration.hiddenSize
    var rates: [Double] = []
    for step in 0..<warmups + samples {
      let start = ContinuousClock.now
      let hidden = model.forward(batch)
      for first in stride(from: 0, to: sequences * length, by: chunkRows) {
        model.head(
          hidden + first * width, into: logits.pointer,
          rows: min(chunkRows, sequences * length - first))
      }
      let seconds = (.now - start) / .seconds(1)
      if step >= warmups { rates.append(Double(sequences * length) / seconds) }
    }
    return measurement(rates, peakResidentBytes: nil, profile: nil, peaks: nil)
  }

  private func teacherWeights(_ team: ComputeTeam) throws -> StoredWeights {
    try StoredWeights(
      `case`.teacherConfiguration,
      matrix: { view in
        DenseWeights(
          randomRows: view.shape[0], columns: view.shape[1], deviation: 0.02,
          seed: UInt64(view.offset), team: team)
      },
      copyVector: { view, values in values.update(repeating: 1, count: view.count) })
  }

  private func measurement(
    _ rates: [Double], peakResidentBytes: Int?, profile: RunProfile?, peaks: MachinePeaks?
  ) -> Measurement {
    Measurement(
      benchCase: `case`.rawValue, threads: threads, side: part.rawValue,
      name: "bf16, \(InstructionSet.active.rawValue)", tokensPerSecond: median(rates),
      samples: samples, peakResidentBytes: peakResidentBytes ?? 0, profile: profile, peaks: peaks)
  }
}

extension BenchCase {
  /// The full-precision model of the same shape.
  var teacherConfiguration: ModelConfiguration {
    var teacher = configuration
    (teacher.subNorm, teacher.quantization) = (false, .none)
    return teacher
  }
}
