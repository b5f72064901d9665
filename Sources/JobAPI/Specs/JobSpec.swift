package import Jobs

/// What a job is to do, by its kind.
package enum JobSpec: Equatable, Sendable {
  case teacher(TeacherSpec)
  case collect(CollectSpec)
  case convert(ConvertSpec)
  case train(TrainSpec)
  case eval(EvalSpec)
  case dryrun(DryRunSpec)
  case export(ExportSpec)

  /// The kind that fits.
  package var kind: JobKind {
    switch self {
    case .teacher: .teacher
    case .collect: .collect
    case .convert: .convert
    case .train: .train
    case .eval: .eval
    case .dryrun: .dryrun
    case .export: .export
    }
  }

  /// What such a job mostly waits for: a teacher that others serve leaves this machine idle.
  package var slot: JobSlot {
    switch self {
    case .teacher(let spec): spec.teacher.provider == .local ? .compute : .io
    case .collect(let spec): spec.teacher.provider == .local ? .compute : .io
    case .convert, .train, .eval, .dryrun, .export: .compute
    }
  }

  /// The canonical form, with every default filled in; it reads back as the same value.
  package var json: JSONValue {
    switch self {
    case .teacher(let spec): TeacherSpec.table.write(spec)
    case .collect(let spec): CollectSpec.table.write(spec)
    case .convert(let spec): ConvertSpec.table.write(spec)
    case .train(let spec): TrainSpec.table.write(spec)
    case .eval(let spec): EvalSpec.table.write(spec)
    case .dryrun(let spec): DryRunSpec.table.write(spec)
    case .export(let spec): ExportSpec.table.write(spec)
    }
  }

  /// Reads a spec strictly.
  ///
  /// - Parameters:
  ///   - defaults: what a field that is left out means.
  /// - Throws: every fault at once, with pointers from the spec's own root.
  package static func read(
    kind: JobKind, from json: JSONValue, defaults: SpecDefaults = SpecDefaults()
  ) throws(SpecError) -> JobSpec {
    var errors: [FieldError] = []
    let spec = read(kind: kind, from: json, defaults: defaults, at: .root, errors: &errors)
    guard let spec, errors.isEmpty else { throw SpecError(errors) }
    return spec
  }

  /// Reads a spec that is part of a larger document; nil after a fault.
  package static func read(
    kind: JobKind, from json: JSONValue, defaults: SpecDefaults, at pointer: JSONPointer,
    errors: inout [FieldError]
  ) -> JobSpec? {
    switch kind {
    case .teacher:
      TeacherSpec.table.read(json, base: defaults.teacher, at: pointer, errors: &errors)
        .map { .teacher($0) }
    case .collect:
      CollectSpec.table.read(json, base: defaults.collect, at: pointer, errors: &errors)
        .map { .collect($0) }
    case .convert:
      ConvertSpec.table.read(json, base: defaults.convert, at: pointer, errors: &errors)
        .map { .convert($0) }
    case .train:
      TrainSpec.table.read(json, base: defaults.train, at: pointer, errors: &errors)
        .map { .train($0) }
    case .eval:
      EvalSpec.table.read(json, base: defaults.eval, at: pointer, errors: &errors)
        .map { .eval($0) }
    case .dryrun:
      DryRunSpec.table.read(json, base: defaults.dryrun, at: pointer, errors: &errors)
        .map { .dryrun($0) }
    case .export:
      ExportSpec.table.read(json, base: defaults.export, at: pointer, errors: &errors)
        .map { .export($0) }
    }
  }

  /// The name and the JSON Schema of the spec of a kind.
  package static func schema(of kind: JobKind) -> (name: String, schema: JSONValue) {
    switch kind {
    case .teacher: (TeacherSpec.table.name, TeacherSpec.table.schema)
    case .collect: (CollectSpec.table.name, CollectSpec.table.schema)
    case .convert: (ConvertSpec.table.name, ConvertSpec.table.schema)
    case .train: (TrainSpec.table.name, TrainSpec.table.schema)
    case .eval: (EvalSpec.table.name, EvalSpec.table.schema)
    case .dryrun: (DryRunSpec.table.name, DryRunSpec.table.schema)
    case .export: (ExportSpec.table.name, ExportSpec.table.schema)
    }
  }
}
