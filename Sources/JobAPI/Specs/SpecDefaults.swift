/// What the fields that a spec leaves out mean: the specs' own defaults, as the daemon's settings
/// have changed them. Required fields hold values that are never used.
package struct SpecDefaults: Equatable, Sendable {
  package var teacher: TeacherSpec = TeacherSpec.table.initial
  package var collect: CollectSpec = CollectSpec.table.initial
  package var convert: ConvertSpec = ConvertSpec.table.initial
  package var train: TrainSpec = TrainSpec.table.initial
  package var eval: EvalSpec = EvalSpec.table.initial
  package var dryrun: DryRunSpec = DryRunSpec.table.initial
  package var export: ExportSpec = ExportSpec.table.initial

  /// The specs' own defaults.
  package init() {}
}
