package import Kernels

extension ModelConfiguration {
  /// Whether `o_proj` and `down_proj` read what the block Hadamard has rotated.
  package var hasRotatedInputs: Bool { usesHadamard && quantization == .ternary }
}

extension Parameters {
  /// Turns the weights of `o_proj` and `down_proj` from those of plain inputs into those of rotated
  /// ones, or back: (W Hᵀ)(H x) = W x, and H is its own inverse. What is computed changes by what
  /// rounding makes of it only.
  package func rotateInputs(team: ComputeTeam) {
    for view in layout.views
    where view.name.hasSuffix("o_proj.weight") || view.name.hasSuffix("down_proj.weight") {
      hadamardRows(values + view.offset, rows: view.shape[0], columns: view.shape[1], team: team)
    }
  }
}
