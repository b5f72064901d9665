// Attention-relation distillation (RECIPE §6; Wang et al. 2021, arXiv:2012.15828; BitNet Distillation,
// arXiv:2510.13998).
//
// For queries, keys and values each: the heads are merged, and the width is split again into R relation
// heads, so that models of different widths and head counts can be compared. Within a relation head,
// every position has a distribution over the positions that it sees; the student's is to be the
// teacher's. Where we differ from the publications is said in docs/bitdistill.md.
//
// The teacher's vectors of the chosen layers are kept from its forward pass until the student's backward
// pass has come to its layer. Relations exist for a block of rows only (CKernels/relation_loops.h).
// An item of work is one (sequence, relation head); each has its own part of the gradient, and sums are
// taken in the items' order, so that the bits do not depend on the thread count.

internal import CKernels
internal import Foundation
package import Kernels
package import Transformer

/// The relations of a student's layers held against its teacher's.
package final class AttentionRelationLoss {
  /// The student's layers that are compared, the first first.
  package let layers: [Int]
  /// The teacher's layer for each of `layers`.
  package let teacherLayers: [Int]
  /// R.
  package let heads: Int
  private let options: AttentionRelationOptions
  private let maximumRows: Int
  private let maximumLength: Int
  private let team: ComputeTeam
  private let loops: transformer_kernels_table
  /// By the teacher's layer.
  private let kept: [Int: KeptVectors]

  /// One layer of the teacher: `[maximumRows, width]` each.
  private struct KeptVectors {
    let queries: AlignedBuffer<Float>
    let keys: AlignedBuffer<Float>
    let values: AlignedBuffer<Float>
    let queryWidth: Int
    let keyValueWidth: Int

    init(_ configuration: ModelConfiguration, rows: Int) {
      queryWidth = configuration.queryWidth
      keyValueWidth = configuration.keyValueWidth
      queries = AlignedBuffer(count: rows * queryWidth)
      keys = AlignedBuffer(count: rows * keyValueWidth)
      values = AlignedBuffer(count: rows * keyValueWidth)
    }
  }

  /// Queries, keys or values of both sides.
  private struct Side {
    let student: UnsafePointer<Float>
    let studentWidth: Int
    let teacher: UnsafePointer<Float>
    let teacherWidth: Int
    let gradient: UnsafeMutablePointer<Float>
  }

  /// - Parameters:
  ///   - maximumRows: B·T, at most; `maximumLength`: T, at most.
  /// - Throws: `.invalidRecipe`: layers that there are not, heads that do not divide a width.
  package init(
    student: ModelConfiguration, teacher: ModelConfiguration, options: AttentionRelationOptions,
    maximumRows: Int, maximumLength: Int, team: ComputeTeam,
    instructionSet: InstructionSet = .active
  ) throws(TrainingError) {
    let plan = try AttentionRelationPlan(options, student: student, teacher: teacher)
    layers = plan.layers
    teacherLayers = plan.teacherLayers
    heads = plan.heads
    self.options = options
    self.maximumRows = maximumRows
    self.maximumLength = maximumLength
    self.team = team
    loops = transformer_kernels(instructionSet.choose(0, 1, 2)).pointee
    kept = Dictionary(
      uniqueKeysWithValues: Set(plan.teacherLayers).map {
        ($0, KeptVectors(teacher, rows: maximumRows))
      })
  }

  /// Bytes that a loss of these options allocates, the team's scratch included.
  ///
  /// - Throws: as `init`.
  package static func scratchBytes(
    student: ModelConfiguration, teacher: ModelConfiguration, options: AttentionRelationOptions,
    maximumRows: Int, maximumLength: Int, team: ComputeTeam
  ) throws(TrainingError) -> Int {
    let plan = try AttentionRelationPlan(options, student: student, teacher: teacher)
    let floats = teacher.queryWidth + 2 * teacher.keyValueWidth
    var shape = transformer_relation_shape()
    shape.rows = maximumLength
    shape.keys = maximumLength
    shape.student_width = max(student.queryWidth, student.keyValueWidth) / plan.heads
    shape.teacher_width = max(teacher.queryWidth, teacher.keyValueWidth) / plan.heads
    let loops = transformer_kernels(InstructionSet.active.choose(0, 1, 2)).pointee
    return
      (Set(plan.teacherLayers).count * maximumRows * floats
      + team.threadCount * loops.relation_scratch(&shape)) * MemoryLayout<Float>.stride
  }

  /// Copies what a layer of the teacher attends with, when it is one that is compared.
  ///
  /// - Parameters:
  ///   - vectors: `[B·T, …]` of the batch that the student's gradients will be of.
  ///   - lengths: of the B sequences. - length: T.
  package func keepTeacher(
    layer: Int, vectors: AttentionVectors, lengths: [Int32], length: Int
  ) {
    guard let kept = kept[layer] else { return }
    let rows = checkedRows(lengths, length)
    precondition(
      vectors.queryWidth == kept.queryWidth && vectors.keyValueWidth == kept.keyValueWidth,
      "the vectors must be of the teacher that this loss was made for")
    team.parallelRows(rows, grain: 64) { rows in
      for (from, to, width) in [
        (vectors.queries, kept.queries, kept.queryWidth),
        (vectors.keys, kept.keys, kept.keyValueWidth),
        (vectors.values, kept.values, kept.keyValueWidth),
      ] {
        let first = rows.lowerBound * width
        memcpy(
          to.pointer + first, from + first, rows.count * width * MemoryLayout<Float>.stride)
      }
    }
  }

  /// Adds the gradient of weight · (mean over the rows of this call, summed over queries, keys and
  /// values, divided by the number of layers), when `layer` is one that is compared, and says what the
  /// comparison came to. The teacher's layer must have been kept, of the same batch.
  ///
  /// - Parameters:
  ///   - layer: of the student. - vectors: its own. - gradients: of their shapes.
  ///   - lengths: of the B sequences. - length: T.
  /// - Returns: sums over the rows of this layer; nothing for other layers.
  package func add(
    layer: Int, vectors: AttentionVectors, gradients: AttentionGradients, lengths: [Int32],
    length: Int, weight: Float
  ) -> AttentionRelationSums {
    var sums = AttentionRelationSums()
    guard let index = layers.firstIndex(of: layer), let teacher = kept[teacherLayers[index]] else {
      return sums
    }
    _ = checkedRows(lengths, length)
    sums.rows = heads * lengths.reduce(0) { $0 + Int($1) }
    let rowWeight = weight / Float(max(1, sums.rows) * layers.count)
    (sums.queries, sums.queryGradientSquare) = compare(
      Side(
        student: vectors.queries, studentWidth: vectors.queryWidth,
        teacher: teacher.queries.pointer, teacherWidth: teacher.queryWidth,
        gradient: gradients.dqueries), lengths, length, rowWeight)
    (sums.keys, sums.keyGradientSquare) = compare(
      Side(
        student: vectors.keys, studentWidth: vectors.keyValueWidth, teacher: teacher.keys.pointer,
        teacherWidth: teacher.keyValueWidth, gradient: gradients.dkeys), lengths, length, rowWeight)
    (sums.values, sums.valueGradientSquare) = compare(
      Side(
        student: vectors.values, studentWidth: vectors.keyValueWidth,
        teacher: teacher.values.pointer, teacherWidth: teacher.keyValueWidth,
        gradient: gradients.dvalues), lengths, length, rowWeight)
    return sums
  }

  /// One side of a layer: the sum of the divergences, and the square of its gradient.
  private func compare(
    _ side: Side, _ lengths: [Int32], _ length: Int, _ rowWeight: Float
  ) -> (divergence: Double, gradientSquare: Double) {
    let count = lengths.count * heads
    // Of every item: its divergence, and the square of its gradient.
    var itemDivergences = [Double](repeating: 0, count: count)
    var itemSquares = itemDivergences
    var longest = shape(side, rows: length, length: length, rowWeight)
    let bytes = loops.relation_scratch(&longest) * MemoryLayout<Float>.stride
    itemDivergences.withUnsafeMutableBufferPointer { divergences in
      itemSquares.withUnsafeMutableBufferPointer { squares in
        // Each item writes its own places only.
        nonisolated(unsafe) let (divergences, squares) = (divergences, squares)
        team.parallelRows(count, scratchBytes: bytes) { items, scratch in
          let floats = scratch.bindMemory(
            to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
          for item in items {
            let (sequence, head) = (item / heads, item % heads)
            let rows = Int(lengths[sequence])
            guard rows > 0 else { continue }
            var shape = shape(side, rows: rows, length: length, rowWeight)
            let (first, width) = (sequence * length, side.studentWidth)
            let offset = first * width + head * shape.student_width
            let teacherOffset = first * side.teacherWidth + head * shape.teacher_width
            divergences[item] = loops.relation_distill(
              &shape, side.student + offset, side.teacher + teacherOffset, side.gradient + offset,
              &squares[item], floats)
          }
        }
      }
    }
    return (itemDivergences.reduce(0, +), itemSquares.reduce(0, +))
  }

  /// - Parameter rows: positions of the sequence that are not padding.
  private func shape(
    _ side: Side, rows: Int, length: Int, _ rowWeight: Float
  ) -> transformer_relation_shape {
    let (width, teacherWidth) = (side.studentWidth / heads, side.teacherWidth / heads)
    func scale(_ width: Int) -> Float {
      switch options.scale {
      case .cosine: 1 / options.temperature
      case .squareRoot: 1 / (Float(width).squareRoot() * options.temperature)
      }
    }
    return transformer_relation_shape(
      rows: rows, keys: options.isMasked ? rows : length, student_width: width,
      teacher_width: teacherWidth, student_stride: side.studentWidth,
      teacher_stride: side.teacherWidth, student_scale: scale(width),
      teacher_scale: scale(teacherWidth), is_cosine: options.scale == .cosine ? 1 : 0,
      is_causal: options.isMasked ? 1 : 0, weight: rowWeight)
  }

  private func checkedRows(_ lengths: [Int32], _ length: Int) -> Int {
    precondition(
      length <= maximumLength && lengths.count * length <= maximumRows
        && lengths.allSatisfy { (0...length).contains(Int($0)) },
      "the batch [\(lengths.count), \(length)] is larger than the buffers")
    return lengths.count * length
  }
}
