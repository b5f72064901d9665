internal import CKernels
internal import Kernels

/// How a step keeps what its backward pass needs of the forward pass.
package enum ActivationStorage: String, Codable, CaseIterable, Sendable {
  /// All of it, as it was computed.
  case fp32
  /// The widest matrices (queries, keys, values, the heads' outputs, gate and up) rounded to bf16:
  /// about half the memory, and gradients that are off by the rounding.
  case bf16
  /// Every block's input only; the backward pass computes the rest again, block by block: the least
  /// memory, the same bits, and a second forward pass but for one block and the down projections.
  /// Blocks whose activations fit where later gradients will be keep them all the same: that memory is
  /// there, and what it holds needs no second forward pass.
  case recomputed
}

/// The matrices of a block that take most of its memory, `[N, their width]` each.
struct WideActivations {
  /// Queries and keys before QK-norm; nil without it.
  let headQueries: UnsafeMutablePointer<Float>?
  let headKeys: UnsafeMutablePointer<Float>?
  /// After QK-norm and RoPE.
  let queries: UnsafeMutablePointer<Float>
  let keys: UnsafeMutablePointer<Float>
  let values: UnsafeMutablePointer<Float>
  /// The heads' outputs, concatenated.
  let attended: UnsafeMutablePointer<Float>
  let gate: UnsafeMutablePointer<Float>
  let up: UnsafeMutablePointer<Float>

  init(_ configuration: ModelConfiguration, rows: Int, arena: inout Arena) {
    let (queryWidth, keyValueWidth) = (configuration.queryWidth, configuration.keyValueWidth)
    headQueries = configuration.qkNorm ? arena.take(rows * queryWidth) : nil
    headKeys = configuration.qkNorm ? arena.take(rows * keyValueWidth) : nil
    queries = arena.take(rows * queryWidth)
    keys = arena.take(rows * keyValueWidth)
    values = arena.take(rows * keyValueWidth)
    attended = arena.take(rows * queryWidth)
    gate = arena.take(rows * configuration.intermediateSize)
    up = arena.take(rows * configuration.intermediateSize)
  }
}

/// One block's wide matrices, rounded to bf16, while other blocks use the floats' memory.
struct RoundedActivations {
  private struct Matrix {
    let floats: UnsafeMutablePointer<Float>
    let rounded: UnsafeMutablePointer<UInt16>
    let width: Int
  }

  private let matrices: [Matrix]

  init(
    of wide: WideActivations, _ configuration: ModelConfiguration, rows: Int, arena: inout Arena
  ) {
    let (queryWidth, keyValueWidth) = (configuration.queryWidth, configuration.keyValueWidth)
    let inner = configuration.intermediateSize
    let all: [(UnsafeMutablePointer<Float>?, Int)] = [
      (wide.headQueries, queryWidth), (wide.headKeys, keyValueWidth), (wide.queries, queryWidth),
      (wide.keys, keyValueWidth), (wide.values, keyValueWidth), (wide.attended, queryWidth),
      (wide.gate, inner), (wide.up, inner),
    ]
    var matrices: [Matrix] = []
    for case (let floats?, let width) in all {
      matrices.append(Matrix(floats: floats, rounded: arena.take(rows * width), width: width))
    }
    self.matrices = matrices
  }

  /// Rounds what the forward pass left in the shared floats.
  func store(step: Step) {
    step.team.parallelRows(step.rows, grain: 8) { rows in
      for matrix in matrices {
        let first = rows.lowerBound * matrix.width
        step.loops.table.round_to_bf16_words(
          matrix.floats + first, rows.count * matrix.width, matrix.rounded + first)
      }
    }
  }

  /// Brings the rounded floats back, for the backward pass.
  func restore(step: Step) {
    step.team.parallelRows(step.rows, grain: 8) { rows in
      for matrix in matrices {
        let first = rows.lowerBound * matrix.width
        step.loops.table.widen_bf16_words(
          matrix.rounded + first, rows.count * matrix.width, matrix.floats + first)
      }
    }
  }
}
