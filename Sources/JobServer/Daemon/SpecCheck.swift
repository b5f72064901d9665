internal import Foundation
internal import HostedTeachers
internal import JobAPI
internal import Jobs
internal import ModelFormats
internal import Transformer

/// What can be known of a spec at its submission, beyond its fields: whether its model can be
/// built, whether it fits into memory, whether the files that it names are there.
struct SpecCheck {
  private let environment: JobEnvironment

  init(environment: JobEnvironment) {
    self.environment = environment
  }

  /// Pointers are from the spec's root.
  func errors(of spec: JobSpec) -> [FieldError] {
    switch spec {
    case .train(let spec):
      return trainingCorpus(spec.corpus) + tokenizer(spec.tokenizer) + model(spec)
    case .collect(let spec):
      return corpus(spec.corpus) + tokenizer(spec.tokenizer) + localOnly(spec)
        + hosted(spec)
    case .convert(let spec):
      return corpus(spec.corpus) + conversion(spec)
    case .eval(let spec):
      return corpus(spec.corpus)
        + spec.tasks.enumerated().flatMap { index, entry -> [FieldError] in
          if case .file(let file) = entry { task(file, at: "/tasks/\(index)") } else { [] }
        }
    case .teacher(let spec):
      guard case .corpus(let source) = spec.input else { return [] }
      return corpus(source)
    case .export(let spec):
      return export(spec)
    case .dryrun:
      return []
    }
  }

  /// What a model that is there already cannot be written as; a job's model is known later.
  private func export(_ spec: ExportSpec) -> [FieldError] {
    guard let record = try? environment.modelRecord(spec.model),
      let model = try? record.configuration.decoded(as: ModelConfiguration.self)
    else { return [] }
    do {
      switch spec.format {
      case .gguf: _ = try GGUFArchitecture.of(model, weights: spec.ggufWeights(for: model))
      case .huggingFace:
        _ = try HuggingFaceExport.modelType(of: model, weights: spec.huggingFaceWeights)
      }
      return []
    } catch {
      return [FieldError(pointer: "/format", detail: "\(error)")]
    }
  }

  /// What a model that is there already cannot become.
  private func conversion(_ spec: ConvertSpec) -> [FieldError] {
    guard let record = try? environment.modelRecord(spec.model),
      let model = try? record.configuration.decoded(as: ModelConfiguration.self)
    else { return [] }
    do {
      _ = try ModelConversion(spec, of: model)
      return []
    } catch {
      return [FieldError(pointer: "/model", detail: (error as? Problem)?.detail ?? "\(error)")]
    }
  }

  /// Text to train on may be a folder.
  private func trainingCorpus(_ source: CorpusSource?) -> [FieldError] {
    guard case .file(let file) = source,
      (try? environment.paths.resolve(folder: file.path)) != nil
    else { return corpus(source) }
    return []
  }

  private func corpus(_ source: CorpusSource?) -> [FieldError] {
    switch source {
    case .file(let file): path(file.path, at: "/corpus/path")
    case .task(let corpus): task(corpus, at: "/corpus")
    case .generated, nil: []
    }
  }

  /// A task's description, and whether its files are there; what is in them is read by the job.
  private func task(_ corpus: TaskCorpus, at pointer: String) -> [FieldError] {
    var errors = path(corpus.path, at: pointer + "/path")
    if let file = corpus.validationPath {
      errors += path(file, at: pointer + "/validation_path")
    }
    do {
      _ = try corpus.task.description(paths: environment.paths)
    } catch {
      errors.append(
        FieldError(
          pointer: pointer + "/task", detail: (error as? Problem)?.detail ?? "\(error)"))
    }
    return errors
  }

  private func tokenizer(_ source: TokenizerSource?) -> [FieldError] {
    guard case .file(let path) = source else { return [] }
    return self.path(path, at: "/tokenizer/path")
  }

  /// Only a local teacher reads a corpus that a tokenizer can be trained on before it is asked, and
  /// only it draws.
  private func localOnly(_ spec: CollectSpec) -> [FieldError] {
    guard spec.teacher.localModel == nil else { return [] }
    var errors: [FieldError] = []
    if case .trained = spec.tokenizer {
      errors.append(
        FieldError(
          pointer: "/tokenizer/train",
          detail: "a hosted teacher's answers need the student's tokenizer as it is; train it first"
        ))
    }
    if spec.sampledDraws > 0 {
      errors.append(
        FieldError(pointer: "/sampled_draws", detail: "expected 0: only a local teacher draws"))
    }
    return errors
  }

  /// Whether a hosted teacher can be asked at all: its address, its key, the student's tokenizer.
  private func hosted(_ spec: CollectSpec) -> [FieldError] {
    guard spec.teacher.provider != .local else { return [] }
    var errors: [FieldError] = []
    if spec.tokenizer == nil {
      errors.append(
        FieldError(
          pointer: "/tokenizer",
          detail: "is needed: a hosted teacher's answers are brought to the student's tokens"
        ))
    }
    do {
      _ = try spec.teacher.endpoint()?.key(in: ProcessInfo.processInfo.environment)
    } catch {
      errors.append(FieldError(pointer: "/teacher", detail: "\(error)"))
    }
    return errors
  }

  private func path(_ path: String, at pointer: String) -> [FieldError] {
    do {
      _ = try environment.paths.resolve(path)
      return []
    } catch {
      return [FieldError(pointer: pointer, detail: (error as? Problem)?.detail ?? "\(error)")]
    }
  }

  /// A preset's shape is known now; an initial model's only when the job runs.
  private func model(_ spec: TrainSpec) -> [FieldError] {
    guard case .preset(let source) = spec.model else { return [] }
    do {
      let vocabulary: Int? =
        if case .trained(let size) = spec.tokenizer { size } else { nil }
      let configuration = try ModelConfiguration(source, vocabularySize: vocabulary).validated()
      guard spec.sequenceLength <= configuration.maxPositionEmbeddings else {
        return [
          FieldError(
            pointer: "/sequence_length",
            detail: "expected at most the model's max_position_embeddings, "
              + "\(configuration.maxPositionEmbeddings)")
        ]
      }
      try environment.requireMemory(
        training: configuration, batch: spec.batchSize, length: spec.sequenceLength,
        accumulation: spec.gradientAccumulation,
        activations: ActivationStorage(spec.activations))
      return []
    } catch let error as ModelConfigurationError {
      return error.problems.map {
        FieldError(pointer: "/model/\($0.field)", detail: "\($0.value): expected \($0.expected)")
      }
    } catch {
      return [FieldError(pointer: "/model", detail: (error as? Problem)?.detail ?? "\(error)")]
    }
  }
}
