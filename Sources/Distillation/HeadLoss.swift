// The head and the loss as one operation (RECIPE §4 and §5).
//
// Some hundred rows at a time: gather their hidden states, logits = hidden · headᵀ, one pass over the
// logits that gives every loss term and turns the logits into their gradient in place, and from that
// the gradients of the hidden states and of the head. The [B·T, V] logits never exist.
//
// With a local teacher, the distillation is over the whole vocabulary instead of stored candidates. Its
// logits exist for a quarter of a chunk at a time: its head, which has no gradient, is passed over more
// often at less cost than the student's, and its logits are still in a cache when they are compared.
//
// The pass over a row is C (CKernels/head_loss_row.h, head_loss_dense_loops.h) and sees that row only, and sums over rows are
// taken in row order here, so that the bits do not depend on the thread count.

internal import CKernels
internal import Foundation
package import Kernels
package import Transformer

/// The fused head and loss, with the scratch memory that it needs.
package final class HeadLoss {
  /// Logits that exist at once, at most: chunks of some hundred rows, so that the passes over the head
  /// and its gradient, once per chunk, do not show beside the products.
  static let chunkLogits = 20 << 20

  /// What a backward pass needs besides the loss's inputs.
  package struct Gradient {
    /// `[B·T, d]`, overwritten: 0 where there is no row.
    let hidden: UnsafeMutableBufferPointer<Float>
    /// `[V, d]`; nil when the head is not trained.
    ///
    /// It can be had piece by piece afterwards, too (`headGradient`).
    let head: UnsafeMutablePointer<Float>?
    /// Target tokens of the whole step: the divisor of KD and CE.
    let targets: Int
    /// Structural target tokens of the whole step: the divisor of the format loss.
    let structuralTargets: Int
    /// Multiplies every gradient: the loss scale.
    let scale: Float
    /// Whether `head` is replaced or added to.
    let writing: GradientWriting

    /// - Parameters: as the properties.
    package init(
      hidden: UnsafeMutableBufferPointer<Float>, head: UnsafeMutablePointer<Float>?,
      targets: Int, structuralTargets: Int, scale: Float = 1, writing: GradientWriting = .add
    ) {
      self.hidden = hidden
      self.head = head
      self.targets = targets
      self.structuralTargets = structuralTargets
      self.scale = scale
      self.writing = writing
    }
  }

  private let vocabularySize: Int
  private let width: Int
  /// The terms, which may change between calls: a term alone is measured with the others at 0.
  package var weights: LossWeights
  private let precision: ProductPrecision
  private let team: ComputeTeam
  private let profiler: StepProfiler
  private let rowsKernel: RowsKernel
  private let denseRowsKernel: RowsKernel

  private let chunkRows: Int
  private let logits: UnsafeMutablePointer<Float>
  private let ownLogits: AlignedBuffer<Float>?
  private let hiddenRows: AlignedBuffer<Float>
  private let hiddenGradientRows: AlignedBuffer<Float>
  private let crossEntropyWeights: AlignedBuffer<Float>
  // Cross-entropies, divergences and their gradients' squares, one after the other.
  private let rowValues: AlignedBuffer<Double>
  private let signals: AlignedBuffer<UInt8>
  private let teacherRows: TeacherRows?
  /// Rows of the last call with a gradient that still are in `logits` and `hiddenRows`; nil when they
  /// were more than a chunk.
  private var keptRows: Int?

  private typealias RowsKernel = @convention(c) (UnsafePointer<head_loss_chunk>?, Int, Int) -> Void

  /// The teacher's side of a part of a chunk.
  private struct TeacherRows {
    /// d_t.
    let width: Int
    /// Rows that there is room for.
    let count: Int
    /// `[count, d_t]`
    let hidden: AlignedBuffer<Float>
    /// `[count, V]`
    let logits: AlignedBuffer<Float>
  }

  /// - Parameters:
  ///   - width: d, of the hidden state.
  ///   - maximumRows: the most rows that one call brings.
  ///   - denseTeacherWidth: d_t, of a local teacher's hidden state; nil when calls bring none.
  ///   - logitsMemory: `logitCount` floats that are free whenever this is called and outlive it; nil:
  ///     some are allocated.
  package init(
    vocabularySize: Int, width: Int, maximumRows: Int, weights: LossWeights,
    precision: ProductPrecision, team: ComputeTeam, profiler: StepProfiler = StepProfiler(),
    instructionSet: InstructionSet = .active, denseTeacherWidth: Int? = nil,
    logitsMemory: UnsafeMutablePointer<Float>? = nil
  ) {
    self.vocabularySize = vocabularySize
    self.width = width
    self.weights = weights
    self.precision = precision
    self.team = team
    self.profiler = profiler
    rowsKernel = instructionSet.choose(
      head_loss_rows_reference, head_loss_rows_avx2, head_loss_rows_avx512)
    denseRowsKernel = instructionSet.choose(
      head_loss_dense_rows_reference, head_loss_dense_rows_avx2, head_loss_dense_rows_avx512)
    chunkRows = Self.chunkRows(
      vocabularySize: vocabularySize, maximumRows: maximumRows,
      hasTeacher: denseTeacherWidth != nil)
    ownLogits = logitsMemory == nil ? AlignedBuffer(count: chunkRows * vocabularySize) : nil
    logits = logitsMemory ?? ownLogits!.pointer
    hiddenRows = AlignedBuffer(count: chunkRows * width)
    hiddenGradientRows = AlignedBuffer(count: chunkRows * width)
    crossEntropyWeights = AlignedBuffer(count: chunkRows)
    rowValues = AlignedBuffer(count: 4 * chunkRows)
    signals = AlignedBuffer(count: chunkRows)
    let teacherCount = Self.teacherRows(ofChunk: chunkRows)
    teacherRows = denseTeacherWidth.map { width in
      TeacherRows(
        width: width, count: teacherCount, hidden: AlignedBuffer(count: teacherCount * width),
        logits: AlignedBuffer(count: teacherCount * vocabularySize))
    }
  }

  /// - Parameter hasTeacher: whether the chunk's memory is a teacher's, too.
  private static func chunkRows(vocabularySize: Int, maximumRows: Int, hasTeacher: Bool) -> Int {
    // Chunks of one size: a short last one would pass over the head for little.
    let rows = max(1, maximumRows)
    let rowLogits = hasTeacher ? vocabularySize * 5 / 4 : vocabularySize
    let chunks = (rows - 1) / max(64, chunkLogits / rowLogits) + 1
    return (rows - 1) / chunks + 1
  }

  /// Rows of a teacher's logits that exist at once: a quarter of the chunk, but not so few that its
  /// head is read for little.
  private static func teacherRows(ofChunk rows: Int) -> Int {
    let parts = max(1, rows / max(64, (rows + 3) / 4))
    return (rows - 1) / parts + 1
  }

  /// Logits that exist at once.
  package static func logitCount(
    vocabularySize: Int, maximumRows: Int, hasTeacher: Bool
  ) -> Int {
    chunkRows(vocabularySize: vocabularySize, maximumRows: maximumRows, hasTeacher: hasTeacher)
      * vocabularySize
  }

  /// Bytes of scratch memory that a head loss of this shape allocates, the logits not counted.
  package static func scratchBytes(
    vocabularySize: Int, width: Int, maximumRows: Int, denseTeacherWidth: Int? = nil
  ) -> Int {
    let rows = chunkRows(
      vocabularySize: vocabularySize, maximumRows: maximumRows,
      hasTeacher: denseTeacherWidth != nil)
    let teacher = denseTeacherWidth.map { 4 * teacherRows(ofChunk: rows) * (vocabularySize + $0) }
    return (teacher ?? 0) + rows * (4 * (2 * width + 1) + 4 * 8 + 1)
  }

  /// Loss of the targets, and the gradient when asked for.
  ///
  /// - Parameters:
  ///   - hidden: `[B·T, d]`, the final-normed hidden state.
  ///   - head: `[V, d]`.
  ///   - targets: rows whose positions lie in `hidden` and whose tokens lie in `0 ..< V`.
  ///   - teacher: of the width that `init` was told; the distillation is then over its whole
  ///     distribution, and the targets' candidates are not looked at. Not asked for anything when
  ///     distillation has no weight.
  ///   - gradient: where the gradient goes; nil computes the loss only.
  /// - Returns: the terms' sums over the targets.
  package func callAsFunction(
    hidden: UnsafePointer<Float>, head: UnsafePointer<Float>, targets: HeadTargets,
    teacher: DenseTeacher? = nil, gradient: Gradient? = nil
  ) -> HeadLossSums {
    precondition(
      teacher == nil || teacher?.width == teacherRows?.width,
      "the teacher must have the width that this loss was made for")
    let teacher = weights.kd.weight > 0 ? teacher : nil
    precondition(
      targets.tokens.allSatisfy { $0 >= 0 && $0 < vocabularySize },
      "targets must lie in 0 ..< \(vocabularySize)")
    if let gradient, let base = gradient.hidden.baseAddress {
      memset(base, 0, gradient.hidden.count * MemoryLayout<Float>.stride)
    }
    var sums = HeadLossSums()
    for first in stride(from: 0, to: targets.count, by: chunkRows) {
      let rows = first..<min(targets.count, first + chunkRows)
      gather(targets.positions[rows], of: hidden, width: width, into: hiddenRows)
      productNT(
        hiddenRows.pointer, head, into: logits, m: rows.count, n: vocabularySize,
        k: width, accumulate: false, precision: precision, team: team)
      profiler.lap(
        .headLogits, arithmetic: 2 * rows.count * width * vocabularySize, wrote: logits,
        count: rows.count * vocabularySize)
      if let teacher, let teacherRows {
        compareRows(rows, of: targets, with: teacher, in: teacherRows, gradient: gradient)
      } else {
        computeRows(rows, chunk: rows, of: targets, gradient: gradient)
      }
      add(rows, of: targets, to: &sums)
      if let gradient {
        backward(rows, of: targets, head: head, gradient: gradient)
      }
    }
    if targets.count == 0, let gradient, gradient.writing == .set, let head = gradient.head {
      memset(head, 0, vocabularySize * width * MemoryLayout<Float>.stride)
    }
    keptRows = gradient == nil || targets.count > chunkRows ? nil : targets.count
    return sums
  }

  /// Some rows of the head's gradient by the last call, which asked for one and had no more targets than
  /// a chunk has rows: the same bits as those of the whole.
  ///
  /// - Parameters:
  ///   - tokens: the rows, in `0 ..< V`.
  ///   - piece: `[tokens.count, d]`, overwritten.
  package func headGradient(of tokens: Range<Int>, into piece: UnsafeMutablePointer<Float>) {
    guard let keptRows else { preconditionFailure("the logits' gradients are gone") }
    guard keptRows > 0 else {
      return piece.update(repeating: 0, count: tokens.count * width)
    }
    productTN(
      logits + tokens.lowerBound, hiddenRows.pointer, into: piece, m: tokens.count, n: width,
      k: keptRows, xStride: vocabularySize, accumulate: false, precision: precision,
      rounding: .unbiased(firstRow: tokens.lowerBound), team: team)
    profiler.lap(
      .headWeightGradient, arithmetic: 2 * keptRows * width * tokens.count, wrote: piece,
      count: tokens.count * width)
  }

  private func gather(
    _ positions: ArraySlice<Int32>, of hidden: UnsafePointer<Float>, width: Int,
    into gathered: AlignedBuffer<Float>
  ) {
    for (row, position) in positions.enumerated() {
      memcpy(
        gathered.pointer + row * width, hidden + Int(position) * width,
        width * MemoryLayout<Float>.stride)
    }
  }

  /// The rows of a chunk with a teacher beside them, part by part.
  private func compareRows(
    _ chunk: Range<Int>, of targets: HeadTargets, with teacher: DenseTeacher,
    in teacherRows: TeacherRows, gradient: Gradient?
  ) {
    for first in stride(from: chunk.lowerBound, to: chunk.upperBound, by: teacherRows.count) {
      let rows = first..<min(chunk.upperBound, first + teacherRows.count)
      gather(
        targets.positions[rows], of: teacher.hidden, width: teacherRows.width,
        into: teacherRows.hidden)
      let logits = teacherRows.logits.pointer
      teacher.logits(UnsafePointer(teacherRows.hidden.pointer), rows.count, logits)
      profiler.lap(
        .teacherLogits, arithmetic: 2 * rows.count * teacherRows.width * vocabularySize,
        wrote: logits, count: rows.count * vocabularySize)
      computeRows(rows, chunk: chunk, of: targets, teacherLogits: logits, gradient: gradient)
    }
  }

  /// - Parameters:
  ///   - rows: all of `chunk`, whose logits there are, or a part of it.
  ///   - teacherLogits: `[rows, V]`; nil without a teacher in this process.
  private func computeRows(
    _ rows: Range<Int>, chunk: Range<Int>, of targets: HeadTargets,
    teacherLogits: UnsafeMutablePointer<Float>? = nil, gradient: Gradient?
  ) {
    let rowsKernel = teacherLogits == nil ? rowsKernel : denseRowsKernel
    let first = rows.lowerBound - chunk.lowerBound
    let logits = logits + first * vocabularySize
    let crossEntropyWeights = crossEntropyWeights.pointer + first
    if let gradient {
      let ce = weights.ce / Float(max(1, gradient.targets))
      let format = weights.format / Float(max(1, gradient.structuralTargets))
      for (row, target) in rows.enumerated() {
        crossEntropyWeights[row] = gradient.scale * (ce + (targets.isStruct[target] ? format : 0))
      }
    }
    let divergenceWeight =
      gradient.map {
        $0.scale * weights.kd.weight * weights.kd.factor / Float(max(1, $0.targets))
      } ?? 0
    let candidates = weights.kd.weight > 0 && teacherLogits == nil ? targets.candidateCount : 0
    let values = rowValues.pointer + first
    targets.tokens.withUnsafeBufferPointer { tokens in
      targets.candidateIDs.withUnsafeBufferPointer { ids in
        targets.candidateLogprobs.withUnsafeBufferPointer { logprobs in
          targets.otherLogprobs.withUnsafeBufferPointer { others in
            let hasCandidates = candidates > 0
            var chunk = head_loss_chunk(
              logits: logits, vocabulary: vocabularySize,
              targets: tokens.baseAddress! + rows.lowerBound,
              cross_entropy_weights: crossEntropyWeights, candidates: candidates,
              candidate_ids: hasCandidates ? ids.baseAddress! + rows.lowerBound * candidates : nil,
              candidate_logprobs: hasCandidates
                ? logprobs.baseAddress! + rows.lowerBound * candidates : nil,
              other_logprobs: hasCandidates ? others.baseAddress! + rows.lowerBound : nil,
              teacher_logits: teacherLogits,
              temperature: weights.kd.temperature, divergence: weights.kd.divergence.kernelValue,
              divergence_weight: divergenceWeight, wants_gradient: gradient == nil ? 0 : 1,
              cross_entropies: values, divergences: values + chunkRows,
              cross_entropy_gradient_squares: values + 2 * chunkRows,
              divergence_gradient_squares: values + 3 * chunkRows, signals: signals.pointer + first)
            withUnsafePointer(to: &chunk) { chunk in
              team.parallelRows(rows.count) { rowsKernel(chunk, $0.lowerBound, $0.upperBound) }
            }
          }
        }
      }
    }
    profiler.lap(
      .lossRows, bytes: (teacherLogits == nil ? 16 : 32) * rows.count * vocabularySize,
      wrote: logits, count: rows.count * vocabularySize)
  }

  private func add(_ rows: Range<Int>, of targets: HeadTargets, to sums: inout HeadLossSums) {
    let factor = Double(weights.kd.factor)
    for (row, target) in rows.enumerated() {
      sums.targets += 1
      sums.ce += rowValues[row]
      sums.ceGradientSquare += rowValues[2 * chunkRows + row]
      sums.kd += factor * rowValues[chunkRows + row]
      sums.kdGradientSquare += factor * factor * rowValues[3 * chunkRows + row]
      sums.invalidRows += signals[row] == UInt8(HEAD_LOSS_SIGNAL_INVALID.rawValue) ? 1 : 0
      guard targets.isStruct[target] else { continue }
      sums.structuralTargets += 1
      sums.format += rowValues[row]
      sums.formatGradientSquare += rowValues[2 * chunkRows + row]
    }
  }

  /// `logits` holds the gradient by the logits now.
  private func backward(
    _ rows: Range<Int>, of targets: HeadTargets, head: UnsafePointer<Float>, gradient: Gradient
  ) {
    productNN(
      logits, head, into: hiddenGradientRows.pointer, m: rows.count, n: width,
      k: vocabularySize, accumulate: false, precision: precision, rounding: .unbiased(), team: team)
    for (row, position) in targets.positions[rows].enumerated() {
      memcpy(
        gradient.hidden.baseAddress! + Int(position) * width,
        hiddenGradientRows.pointer + row * width, width * MemoryLayout<Float>.stride)
    }
    profiler.lap(
      .headInputGradient, arithmetic: 2 * rows.count * width * vocabularySize,
      wrote: hiddenGradientRows.pointer, count: rows.count * width)
    guard let headGradient = gradient.head else { return }
    productTN(
      logits, hiddenRows.pointer, into: headGradient, m: vocabularySize, n: width,
      k: rows.count, accumulate: gradient.writing == .add || rows.lowerBound > 0,
      precision: precision, rounding: .unbiased(), team: team)
    profiler.lap(
      .headWeightGradient, arithmetic: 2 * rows.count * width * vocabularySize,
      wrote: headGradient, count: vocabularySize * width)
  }
}

extension Divergence {
  fileprivate var kernelValue: head_loss_divergence {
    switch self {
    case .forward: HEAD_LOSS_FORWARD_KL
    case .reverse: HEAD_LOSS_REVERSE_KL
    case .jensenShannon: HEAD_LOSS_JENSEN_SHANNON
    }
  }
}
