// Every environment variable that the daemon knows, in one table.
//
// `Configuration` reads from it, `.env.example` is checked against it, and `docs/operations.md`
// prints it. Names that the BitNet-7B-KDE project's users know are kept.

package import JobAPI

/// One environment variable: its name, what it accepts, and what it is for.
package struct Setting: Sendable {
  /// What a value must look like.
  package enum Kind: Equatable, Sendable {
    case text
    case secret
    case choice([String])
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)

    /// The sentence that an error shows after "expected".
    package var expectation: String {
      switch self {
      case .text, .secret: "some text"
      case .choice(let values): "one of " + values.joined(separator: ", ")
      case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
      case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
      }
    }
  }

  package let name: String
  package let kind: Kind
  /// What holds when the variable is not set; nil when the job's own default (docs/http-api.md)
  /// holds instead.
  package let fallback: String?
  package let summary: String
  /// For settings that are job defaults: writes a checked value where specs look for it.
  package let apply: (@Sendable (String, inout SpecDefaults) -> Void)?

  package init(
    _ name: String, _ kind: Kind, fallback: String? = nil, _ summary: String,
    apply: (@Sendable (String, inout SpecDefaults) -> Void)? = nil
  ) {
    self.name = name
    self.kind = kind
    self.fallback = fallback
    self.summary = summary
    self.apply = apply
  }

  /// A job default that is a number.
  private static func integer(
    _ name: String, _ range: ClosedRange<Int>, _ summary: String,
    apply: @escaping @Sendable (Int, inout SpecDefaults) -> Void
  ) -> Setting {
    Setting(name, .integer(range), summary) { text, defaults in
      Int(text).map { apply($0, &defaults) }
    }
  }

  private static func number(
    _ name: String, _ range: ClosedRange<Double>, _ summary: String,
    apply: @escaping @Sendable (Double, inout SpecDefaults) -> Void
  ) -> Setting {
    Setting(name, .number(range), summary) { text, defaults in
      Double(text).map { apply($0, &defaults) }
    }
  }
}

extension Setting {
  /// Settings of the daemon itself.
  package static let server: [Setting] = [
    Setting(
      "BITNET_LISTEN", .text, fallback: "127.0.0.1:8080",
      "Address and port to listen on; port 0 takes a free one."),
    Setting(
      "DRIVE_ROOT", .text, fallback: "artifacts",
      "Folder for the database, traces, checkpoints and reports."),
    Setting(
      "STORAGE_BACKEND", .choice(["local", "rclone"]), fallback: "local",
      "Where finished artifacts also go: nowhere else, or to RCLONE_REMOTE."),
    Setting(
      "RCLONE_REMOTE", .text, fallback: "",
      "With STORAGE_BACKEND=rclone: remote and folder, such as gdrive:bitnet."),
    Setting(
      "BITNET_API_TOKEN", .secret, fallback: "",
      "Bearer token that every request must carry; needed on any address but loopback."),
    Setting(
      "BITNET_API_TOKENS_FILE", .text, fallback: "",
      "File that holds the bearer token on its first line, instead of BITNET_API_TOKEN."),
    Setting(
      "CORPUS_ROOTS", .text, fallback: "",
      "Folders, separated by colons, that corpus and tokenizer paths must lie in; empty: any."),
    Setting(
      "HTTP_THREADS", .integer(1...64), fallback: "2", "Threads that serve HTTP."),
    Setting(
      "HTTP_BODY_LIMIT_BYTES", .integer(1024...1_073_741_824), fallback: "1048576",
      "Largest request body; a larger one is answered 413."),
    Setting(
      "HTTP_CONNECTION_LIMIT", .integer(8...100_000), fallback: "10000",
      "Connections open at the same time."),
    Setting(
      "SERVING_MODELS", .integer(0...64), fallback: "2",
      "Models in memory that answer /v1/completions; 0 serves none."),
    Setting(
      "SERVING_SEQUENCES", .integer(1...1024), fallback: "8",
      "Answers that each of them writes at the same time."),
    Setting(
      "SERVING_CONTEXT", .integer(16...1_048_576), fallback: "4096",
      "Tokens of prompt and answer together; a model's own limit holds where it is lower."),
    Setting(
      "SERVING_QUEUE", .integer(0...100_000), fallback: "64",
      "Answers that wait for each of them; more are refused with 429."),
    Setting(
      "SERVING_EMBEDDINGS", .choice(["bf16", "int8", "int4"]), fallback: "int8",
      "How a ternary model that answers keeps embedding and head; bench/README.md has the costs."),
    Setting(
      "SERVING_CACHE", .choice(["fp16", "int8"]), fallback: "fp16",
      "How its keys and values are kept."),
    Setting(
      "COMPUTE_JOBS", .integer(1...64), fallback: "1",
      "Jobs that compute at the same time; they share the threads."),
    Setting(
      "COMPUTE_SHARING", .choice(["turns", "split"]), fallback: "turns",
      "How they share them: all threads in turns, or each its part of the threads."),
    Setting(
      "BITNET_THREADS", .integer(0...1024), fallback: "0",
      "Compute threads; 0 takes one a core."),
    Setting(
      "BITNET_PIN", .choice(["0", "1"]), fallback: "0",
      "Whether compute threads are pinned to CPUs; for a machine that nothing else uses."),
    Setting(
      "BITNET_SIMD", .choice(["auto", "scalar", "avx2", "avx512"]), fallback: "auto",
      "Instruction set of the kernels; auto takes the best that the CPU has."),
    Setting(
      "BITNET_PRODUCTS", .choice(["auto", "fp32", "bf16", "int16"]), fallback: "auto",
      "What products of bf16 jobs compute in; auto takes the CPU's fastest that is no coarser."),
    Setting(
      "LOG_LEVEL", .choice(["trace", "debug", "info", "notice", "warning", "error"]),
      fallback: "info", "Least important log line that is written."),
  ]

  /// Settings that stand in for fields that a job's spec leaves out.
  package static let jobDefaults: [Setting] = [
    Setting(
      "PROVIDER", .choice(["local"]),
      "Teacher of `make teacher` and `make collect`; a job's spec can name a hosted one."),
    Setting(
      "TEACHER_MODEL", .text,
      "Teacher of `make teacher` and `make collect`: mdl_… or job_…; empty: one is trained."),
    integer(
      "TEACHER_BASELINE_MAX_TOKENS", 1...65_536,
      "Longest answer in the teacher baseline, in tokens."
    ) { $1.teacher.maxTokens = $0 },
    integer(
      "MAX_TOPK", 0...1024, "Candidates kept a position when traces are collected."
    ) { $1.collect.topK = $0 },
    integer("MAX_SEQ_LEN", 8...131_072, "Longest training sequence, in tokens.") {
      $1.train.sequenceLength = $0
      $1.collect.sequenceLength = $0
    },
    integer("BATCH_SIZE", 1...65_536, "Sequences in one micro-batch.") {
      $1.train.batchSize = $0
    },
    integer("GRAD_ACCUM_STEPS", 1...65_536, "Micro-batches in one optimizer step.") {
      $1.train.gradientAccumulation = $0
    },
    integer("TOTAL_STEPS", 1...1_000_000_000, "Optimizer steps of a training job.") {
      $1.train.length = .steps($0)
    },
    integer(
      "BUDGET_TOKENS", 1...1_000_000_000_000,
      "Target tokens that the activation flip's fraction refers to."
    ) { $1.train.flip.tokenBudget = $0 },
    number(
      "FLIP_FRACTION", 0...1,
      "Share of the token budget after which activations go from 8 to 4 bits."
    ) { $1.train.flip.fraction = $0 },
    number("LR", 0...10, "Peak learning rate.") { $1.train.optimizer.learningRate = $0 },
    number("ADAM_BETA1", 0...0.999_999, "AdamW β1.") { $1.train.optimizer.beta1 = $0 },
    number("ADAM_BETA2", 0...0.999_999, "AdamW β2.") { $1.train.optimizer.beta2 = $0 },
    number("ADAM_EPS", 0...1, "AdamW ε.") { $1.train.optimizer.epsilon = $0 },
    number("WEIGHT_DECAY", 0...10, "Decoupled weight decay, on matrices only.") {
      $1.train.optimizer.weightDecay = $0
    },
    number("GRAD_CLIP_NORM", 0.000_001...1_000_000, "Largest global gradient norm.") {
      $1.train.optimizer.clipNorm = $0
    },
    number("KD_TAU", 0.01...100, "Temperature of the distillation loss.") {
      $1.train.losses.kd.temperature = $0
    },
    number("KD_CE_WEIGHT", 0...1000, "Weight of the cross-entropy term.") {
      $1.train.losses.crossEntropy = $0
    },
    number("FORMAT_LOSS_WEIGHT", 0...1000, "Weight of the structural-token term.") {
      $1.train.losses.format = $0
    },
    Setting(
      "TORCH_DTYPE", .choice(["fp32", "bf16", "fp16"]), "Precision of the backward products."
    ) { text, defaults in
      TrainingPrecision(rawValue: text).map { defaults.train.precision = $0 }
    },
    integer("SEED", 0...Int.max, "Seed of initial weights and data order.") {
      $1.train.seed = UInt64($0)
      $1.dryrun.seed = UInt64($0)
    },
    integer("LOG_INTERVAL", 1...1_000_000, "Steps between metric points.") {
      $1.train.logEvery = $0
    },
    integer("CHECKPOINT_INTERVAL", 1...1_000_000_000, "Steps between checkpoints.") {
      $1.train.checkpoint.everySteps = $0
    },
    integer(
      "EVAL_MAX_NEW_TOKENS", 1...65_536,
      "Longest generated answer in an evaluation, in tokens."
    ) { $1.eval.generateMaxTokens = $0 },
    integer("EVAL_MAX_PROMPTS", 1...1_000_000, "Examples in an evaluation.") {
      $1.eval.maxExamples = $0
    },
  ]

  /// Every setting.
  package static let all: [Setting] = server + jobDefaults
}
