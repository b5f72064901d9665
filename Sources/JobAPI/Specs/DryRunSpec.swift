/// A forward-only run at full scale with random ternary weights (RECIPE 11).
package struct DryRunSpec: Equatable, Sendable {
  package var model: DryRunModel = .preset(.sevenB)
  /// Tokens of the prefill.
  package var sequenceLength: Int = 128
  package var batchSize: Int = 1
  /// Tokens decoded after it.
  package var decodeTokens: Int = 16
  package var seed: UInt64 = 1
  /// Set on the last job of a pipeline, which sums it up.
  package var pipeline: PipelineJobs?

  /// A run of the 7B shape.
  package init() {}

  static let table = FieldTable(
    "DryRunSpec", "A forward-only run at full scale with random ternary weights.",
    initial: DryRunSpec(),
    fields: [
      .exclusive(
        \.model, .defaulted,
        [
          Alternative(
            "preset", .choice, "The shape.", wrap: { .preset($0) },
            unwrap: { if case .preset(let preset) = $0 { preset } else { nil } }),
          Alternative(
            "config", ModelOverrides.table.shape,
            "A shape of its own; what it leaves out is as in the 7b preset.",
            wrap: { .configuration($0) },
            unwrap: { if case .configuration(let shape) = $0 { shape } else { nil } }),
        ]),
      .field(
        "sequence_length", \.sequenceLength, .integer(1...1_048_576), "Tokens of the prefill."),
      .field("batch_size", \.batchSize, .integer(1...65_536), "Sequences at once."),
      .field("decode_tokens", \.decodeTokens, .integer(1...65_536), "Tokens decoded after it."),
      .field("seed", \.seed, .seed, "Of weights and tokens."),
      .optional(
        "pipeline", \.pipeline, PipelineJobs.table.shape,
        "On the last job of a pipeline: the jobs that it sums up."),
    ])
}

/// The shape of a dry run.
package enum DryRunModel: Equatable, Sendable {
  case preset(ModelPreset)
  /// What it leaves out is as in the 7b preset.
  case configuration(ModelOverrides)
}
