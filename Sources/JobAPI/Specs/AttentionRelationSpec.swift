internal import Jobs

/// Attention-relation distillation from a local teacher (RECIPE 6).
package struct AttentionRelationSpec: Equatable, Sendable {
  /// γ; nil balances the term's gradient against the cross-entropy's over the first steps.
  package var weight: Double?
  /// The student's layers; empty: one at 80 % of the depth.
  package var layers: [Int] = []
  /// The teacher's layers, one for each of the student's; empty: those at the same relative depth.
  package var teacherLayers: [Int] = []
  /// Layers that are tried one after the other, each in a training of its own; empty: no sweep.
  package var sweep: [Int] = []
  /// R; nil: as many as the student has heads, or the next number that divides all widths.
  package var heads: Int?
  package var temperature: Double = 1
  /// Whether a position sees only what attention lets it see.
  package var isMasked = true
  package var scale: RelationScale = .cosine

  /// The defaults.
  package init() {}

  private static let layer = Shape.integer(0...1023)

  static let table = FieldTable(
    "AttentionRelations",
    "Compares how positions relate to each other in queries, keys and values of a layer.",
    initial: AttentionRelationSpec(),
    check: { spec, pointer in
      var faults: [FieldError] = []
      if !spec.sweep.isEmpty, !spec.layers.isEmpty {
        faults.append(
          pointer.member("sweep").fault("give only one of \"layers\", \"sweep\""))
      }
      if !spec.teacherLayers.isEmpty, spec.teacherLayers.count != spec.layers.count {
        faults.append(
          pointer.member("teacher_layers").fault(
            "has \(spec.teacherLayers.count) layers, \"layers\" has \(spec.layers.count)"))
      }
      return faults
    },
    fields: [
      .optional(
        "weight", \.weight, .number(above: 0, through: 1e12),
        "γ, of the mean over rows; left out, balanced over the first 50 steps so that its gradient "
          + "is as long as the cross-entropy's, and then fixed."),
      .field(
        "layers", \.layers, .array(of: layer, 0...64),
        "Layers of the student, from 0; left out, one at 80 % of the depth."),
      .field(
        "teacher_layers", \.teacherLayers, .array(of: layer, 0...64),
        "Layers of the teacher, one for each of the student's; left out, at the same relative depth."
      ),
      .field(
        "sweep", \.sweep, .array(of: layer, 0...64),
        "Layers to be tried one after the other, each in a training of its own; the best by "
          + "validation becomes the model."),
      .optional(
        "heads", \.heads, .integer(1...4096),
        "Relation heads, which must divide the widths of queries and keys of both models; left out, "
          + "the largest such number up to the student's heads."),
      .field(
        "temperature", \.temperature, .number(above: 0, through: 100),
        "Divides the relations before the softmax."),
      .field(
        "mask", \.isMasked, .boolean, "Whether the causal mask applies to the relations, too."),
      .field(
        "scale", \.scale, .choice,
        "cosine: vectors of length 1; sqrt_d: products divided by the root of their width."),
    ])
}

/// How two vectors are compared.
package enum RelationScale: String, CaseIterable, Sendable {
  case cosine
  case sqrtD = "sqrt_d"
}
