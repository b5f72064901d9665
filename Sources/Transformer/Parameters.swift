internal import Foundation
package import Kernels

/// One value per parameter of a model: its weights, or their gradients, in one region.
package final class Parameters {
  package let layout: ParameterLayout
  private let buffer: AlignedBuffer<Float>

  /// All zeros.
  package init(layout: ParameterLayout) {
    self.layout = layout
    buffer = AlignedBuffer(count: layout.count)
  }

  /// `[layout.count]`, aligned to 64 bytes, valid as long as this object lives.
  package var values: UnsafeMutablePointer<Float> { buffer.pointer }

  /// The elements of one tensor; nil when the model has none of that name.
  package subscript(name: String) -> UnsafeMutableBufferPointer<Float>? {
    layout[name].map { UnsafeMutableBufferPointer(start: values + $0.offset, count: $0.count) }
  }

  /// Fills the region for a new model: matrices with normal numbers of deviation 0.02, those that
  /// write to the residual stream with 0.02/√(2L) (Radford et al. 2019), gains with 1, biases with 0.
  ///
  /// Each tensor's numbers depend on `seed` and on its place in the layout only.
  package func initialize(seed: UInt64, team: ComputeTeam = .shared) {
    let residualWriters = layout.views.count {
      $0.name.hasSuffix("o_proj.weight") || $0.name.hasSuffix("down_proj.weight")
    }
    for (index, view) in layout.views.enumerated() {
      let tensor = values + view.offset
      if view.isMatrix {
        let writesToStream =
          view.name.hasSuffix("o_proj.weight") || view.name.hasSuffix("down_proj.weight")
        fillNormal(
          tensor, count: view.count,
          deviation: writesToStream ? 0.02 / Float(residualWriters).squareRoot() : 0.02,
          seed: seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15, team: team)
      } else {
        tensor.update(repeating: view.name.hasSuffix(".bias") ? 0 : 1, count: view.count)
      }
    }
  }
}
