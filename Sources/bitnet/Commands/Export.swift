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

  @OptionGroup var job: JobOptions
  @OptionGroup var options: ServerOptions

  func run() throws {
    var spec = try SpecInput.read(file: job.file, settings: job.set).objectValue ?? [:]
    spec["model"] = .string(model)
    spec["format"] = .string(format)
    try job.submit(.export, spec: .object(spec), options: options)
  }
}
