internal import Transformer

/// Which attention relations a student takes over from its teacher, and how they are compared
/// (RECIPE §6).
package struct AttentionRelationOptions: Codable, Equatable, Sendable {
  /// What two vectors of a relation head score.
  package enum Scale: String, Codable, CaseIterable, Sendable {
    /// The cosine of their angle.
    case cosine
    /// Their product over the square root of their width, as MiniLMv2 has it.
    case squareRoot = "sqrt_d"
  }

  /// Layers of the student, counted from 0; empty: the one at 80 % of its depth.
  package var layers: [Int]
  /// The teacher's layer for each of `layers`; nil: those at the same relative depth.
  package var teacherLayers: [Int]?
  /// R, into how many relation heads the merged heads are split; nil: as many as the student has
  /// heads, or the next smaller number that divides the widths of both models.
  package var heads: Int?
  /// What scores are divided by, on both sides, above 0.
  package var temperature: Float
  /// Whether a position sees only itself and what comes before it. Without, it sees all T positions
  /// of the batch, padding included, as in the published algorithm.
  package var isMasked: Bool
  /// What two vectors score.
  package var scale: Scale

  enum CodingKeys: String, CodingKey {
    case layers, heads, temperature, scale
    case teacherLayers = "teacher_layers"
    case isMasked = "mask"
  }

  /// The defaults are RECIPE's.
  package init(
    layers: [Int] = [], teacherLayers: [Int]? = nil, heads: Int? = nil, temperature: Float = 1,
    isMasked: Bool = true, scale: Scale = .cosine
  ) {
    self.layers = layers
    self.teacherLayers = teacherLayers
    self.heads = heads
    self.temperature = temperature
    self.isMasked = isMasked
    self.scale = scale
  }
}

/// The options, made whole for two models that fit each other.
struct AttentionRelationPlan {
  /// Of the student, as the options list them, and the teacher's for each.
  let layers: [Int]
  let teacherLayers: [Int]
  /// R.
  let heads: Int

  /// - Throws: `.invalidRecipe`, with every field that cannot be.
  init(
    _ options: AttentionRelationOptions, student: ModelConfiguration, teacher: ModelConfiguration
  ) throws(TrainingError) {
    let (depth, teacherDepth) = (student.numHiddenLayers, teacher.numHiddenLayers)
    let layers = options.layers.isEmpty ? [Self.layer(at: 0.8, of: depth)] : options.layers
    self.layers = layers
    teacherLayers =
      options.teacherLayers
      ?? layers.map { Self.layer(at: Double($0 + 1) / Double(depth), of: teacherDepth) }
    let divisor = [
      student.queryWidth, student.keyValueWidth, teacher.queryWidth, teacher.keyValueWidth,
    ].reduce(0, Self.greatestCommonDivisor)
    let largest = (1...max(1, student.numAttentionHeads)).last { divisor % $0 == 0 } ?? 1
    heads = options.heads ?? largest

    var problems: [String] = []
    for layer in layers where !(0..<depth).contains(layer) {
      problems.append("ad.layers: the student has the layers 0 ... \(depth - 1), not \(layer)")
    }
    if Set(layers).count < layers.count { problems.append("ad.layers must not repeat a layer") }
    if teacherLayers.count != layers.count {
      problems.append(
        "ad.teacher_layers must have a layer for each of the student's \(layers.count)")
    }
    if options.teacherLayers != nil {
      for layer in teacherLayers where !(0..<teacherDepth).contains(layer) {
        problems.append(
          "ad.teacher_layers: the teacher has the layers 0 ... \(teacherDepth - 1), not \(layer)")
      }
    }
    if heads < 1 || divisor % heads != 0 {
      problems.append(
        "ad.heads: \(heads) does not divide all of the widths "
          + "\(student.queryWidth) (the student's queries), "
          + "\(student.keyValueWidth) (its keys and values), "
          + "\(teacher.queryWidth) (the teacher's queries) and "
          + "\(teacher.keyValueWidth) (its keys and values)")
    }
    if !(options.temperature > 0 && options.temperature.isFinite) {
      problems.append("ad.temperature must be above 0")
    }
    guard problems.isEmpty else { throw .invalidRecipe(problems) }
  }

  /// The layer, counted from 0, that ends nearest to a share of the depth.
  private static func layer(at share: Double, of depth: Int) -> Int {
    min(max(Int((share * Double(depth)).rounded()), 1), depth) - 1
  }

  private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
    right == 0 ? left : greatestCommonDivisor(right, left % right)
  }
}
