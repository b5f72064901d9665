internal import ArgumentParser
internal import Jobs

/// `bitnet export`.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Submit a job that writes a model in another format; prints its id.")

  @Argument(help: "The model's id, or that of the job that made it.")
  var model: String

  @Option(help: "gguf or huggingface.")
  var format: String

  @Option(
    help:
      "How matrices are stored: gguf's tq2_0, tq1_0, i2_s, f32, f16, bf16, q8_0; huggingface's f32, bf16, packed."
  )
  var weights: String?

  @Option(help: "How gguf stores the embeddings: f32, f16, bf16 or q8_0.")
  var embeddings: String?

  @OptionGroup var job: JobOptions
  @OptionGroup var options: ServerOptions

  func run() throws {
    var spec = try SpecInput.read(file: job.file, settings: job.set).objectValue ?? [:]
    spec["model"] = .string(model)
    spec["format"] = .string(format)
    if let weights { spec["weights"] = .string(weights) }
    if let embeddings { spec["embeddings"] = .string(embeddings) }
    try job.submit(.export, spec: .object(spec), options: options)
  }
}
