internal import CKernels
internal import Kernels

/// The rows of one table, picked by token id.
struct Embedding {
  /// `[V, width]`.
  let table: UnsafePointer<Float>
  /// `[V, width]`, nil when nothing is trained.
  let gradient: UnsafeMutablePointer<Float>?
  let width: Int

  /// x[row] = table[tokens[row]]. x: `[N, width]`.
  func forward(_ tokens: [Int32], into x: UnsafeMutablePointer<Float>, step: Step) {
    tokens.withUnsafeBufferPointer { tokens in
      step.team.parallelRows(tokens.count, grain: 16) { rows in
        step.loops.table.embedding_gather(
          table, tokens.baseAddress! + rows.lowerBound, rows.count, width,
          x + rows.lowerBound * width)
      }
    }
  }

  /// gradient[tokens[row]] += dx[row]. A token may occur often, so threads split the columns, and
  /// each adds its columns in the order of the rows.
  func backward(_ dx: UnsafePointer<Float>, tokens: [Int32], step: Step) {
    guard let gradient else { preconditionFailure("no gradients were asked for") }
    tokens.withUnsafeBufferPointer { tokens in
      step.team.parallelRows(width, grain: 16) { columns in
        step.loops.table.embedding_scatter(
          dx, tokens.baseAddress!, tokens.count, width, columns.lowerBound, columns.upperBound,
          gradient)
      }
    }
  }

  /// Of the table's gradient, some rows: adds dx[row] to the row of `tokens[row]` when that is one of
  /// them, in the order in which `backward` does.
  ///
  /// - Parameters:
  ///   - ids: the table's rows. - piece: `[ids.count, width]`.
  func addGradient(
    _ dx: UnsafePointer<Float>, tokens: [Int32], of ids: Range<Int>,
    to piece: UnsafeMutablePointer<Float>, loops: TransformerLoops
  ) {
    for (row, token) in tokens.enumerated() where ids.contains(Int(token)) {
      loops.table.add(piece + (Int(token) - ids.lowerBound) * width, dx + row * width, width)
    }
  }
}
