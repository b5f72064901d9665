internal import CKernels
internal import Kernels

/// One projection y = x Wᵀ (+ bias), ternary or in full precision (RECIPE §2).
///
/// Ternary: Xq = code/s per token, Wq = Δ · trit per matrix, y = Xq Wqᵀ exact in integers. The
/// straight-through estimator takes both quantizers as the identity in the backward pass:
/// dX = dY Wq, dW = dYᵀ Xq, and dW belongs to the latent weights.
struct BitLinear {
  /// Which lines of the profile it belongs to.
  let role: ProjectionRole
  /// `[outputs, inputs]`.
  let weights: ProjectionWeights
  /// `[outputs, inputs]`, nil when nothing is trained; likewise the bias's.
  let gradient: UnsafeMutablePointer<Float>?
  /// The weights' place among the layout's tensors; nil when nothing is trained.
  let tensor: Int?
  /// `[outputs]`.
  let bias: UnsafePointer<Float>?
  let biasGradient: UnsafeMutablePointer<Float>?
  let inputs: Int
  let outputs: Int
  /// nil in full precision.
  let trits: TernaryWeights?

  /// Packs the latent weights' trits; after every optimizer step, before the forward pass.
  ///
  /// - Parameter magnitudes: the sums of the weights' magnitudes, by tensor, as far as they are known.
  func quantizeWeights(magnitudes: [Int: Double], team: ComputeTeam) {
    guard let trits, case .latent(let latent) = weights else { return }
    trits.quantize(from: latent, magnitudes: tensor.flatMap { magnitudes[$0] }, team: team)
  }

  /// y = x Wᵀ + bias. y: `[N, outputs]`.
  func forward(_ x: ProjectionInput, into y: UnsafeMutablePointer<Float>, step: Step) {
    switch (x.storage, trits, step.mixing) {
    case (.codes, let trits?, let mixing?):
      guard case .latent(let latent) = weights else {
        preconditionFailure("trits are made of latent weights")
      }
      productNT(
        mixing.inputs + x.place, mixing.weights(latent, trits, team: step.team), into: y,
        m: step.rows, n: outputs, k: inputs, accumulate: false, precision: step.precision,
        team: step.team)
    case (.codes(let codes, let scales), let trits?, nil):
      ternaryProduct(
        codes: codes, scales: scales, weights: trits, into: y, m: step.rows, team: step.team)
    case (.values(let values), nil, _):
      switch weights {
      case .latent(let latent):
        productNT(
          values, latent, into: y, m: step.rows, n: outputs, k: inputs, accumulate: false,
          precision: step.precision, team: step.team)
      case .stored(let stored):
        stored.product(
          values, into: y, m: step.rows, precision: step.precision, team: step.team)
      }
    default:
      preconditionFailure("codes need trits, and values need none")
    }
    if let bias {
      step.team.parallelRows(step.rows, grain: 16) { rows in
        step.loops.table.bias_add(y + rows.lowerBound * outputs, bias, rows.count, outputs)
      }
    }
    step.profiler.lap(
      role.forward, arithmetic: 2 * step.rows * inputs * outputs, wrote: y,
      count: step.rows * outputs)
  }

  /// Sets the weights' gradient to dYᵀ X (or adds it, as the step says), and sets dx to dY W (or adds it to dx).
  ///
  /// - Parameters:
  ///   - dy: `[N, outputs]`.
  ///   - dx: `[N, inputs]`, the gradient of what the quantizer was given.
  ///   - scratch: `Step.sumScratch(rows:width:)` floats, for the bias.
  func backward(
    _ dy: UnsafePointer<Float>, x: ProjectionInput, dx: UnsafeMutablePointer<Float>,
    _ writing: GradientWriting, scratch: UnsafeMutablePointer<Float>, step: Step
  ) {
    guard let gradient, case .latent(let latent) = weights else {
      preconditionFailure("no gradients were asked for")
    }
    switch (x.storage, trits, step.mixing) {
    case (.codes, let trits?, let mixing?):
      floatBackward(
        dy, values: mixing.inputs + x.place, dx: dx, writing, gradient: gradient, step: step
      ) { mixing.weights(latent, trits, team: step.team) }
    case (.codes(let codes, let scales), let trits?, nil):
      let square = ternaryWeightGradient(
        dy, codes: codes, scales: scales, into: gradient, m: step.rows, out: outputs, in: inputs,
        accumulate: step.weightGradients == .add, precision: step.precision,
        squareSums: squareSums(step), team: step.team)
      weightGradientIsWritten(gradient, square: square, step: step)
      ternaryInputGradient(
        dy, weights: trits, into: dx, m: step.rows, accumulate: writing == .add,
        precision: step.precision, team: step.team)
    case (.values(let values), nil, _):
      floatBackward(
        dy, values: values, dx: dx, writing, gradient: gradient, step: step
      ) { latent }
    default:
      preconditionFailure("codes need trits, and values need none")
    }
    if let biasGradient {
      step.addSumOverRows(step.rows, width: outputs, to: biasGradient, scratch: scratch) {
        rows, sums in
        step.loops.table.column_sums(dy + rows.lowerBound * outputs, rows.count, outputs, sums)
      }
    }
    step.profiler.lap(
      role.inputGradient, arithmetic: 2 * step.rows * inputs * outputs, wrote: dx,
      count: step.rows * inputs)
  }

  /// The two products of floats: the weights' gradient dYᵀ X, then dx = dY W.
  ///
  /// - Parameter weights: W, asked for when the first is done.
  private func floatBackward(
    _ dy: UnsafePointer<Float>, values: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
    _ writing: GradientWriting, gradient: UnsafeMutablePointer<Float>, step: Step,
    weights: () -> UnsafePointer<Float>
  ) {
    let square = productTN(
      dy, values, into: gradient, m: outputs, n: inputs, k: step.rows,
      accumulate: step.weightGradients == .add, precision: step.precision,
      squareSums: squareSums(step), team: step.team)
    weightGradientIsWritten(gradient, square: square, step: step)
    productNN(
      dy, weights(), into: dx, m: step.rows, n: inputs, k: outputs, accumulate: writing == .add,
      precision: step.precision, team: step.team)
  }
}

extension BitLinear {
  /// Room for the squares of the weights' gradient: the clip needs the norm of all gradients, and this one's
  /// is taken as it is written. Nil when nobody asks for it.
  fileprivate func squareSums(_ step: Step) -> UnsafeMutablePointer<Double>? {
    tensor == nil ? nil : step.gradientSquares?.parts.pointer
  }

  fileprivate func weightGradientIsWritten(
    _ gradient: UnsafePointer<Float>, square: Double?, step: Step
  ) {
    let count = inputs * outputs
    step.profiler.lap(
      role.weightGradient, arithmetic: 2 * step.rows * count, wrote: gradient, count: count)
    if let tensor, let square { step.gradientSquares?[tensor] = square }
  }
}

/// Where a projection's weights are.
enum ProjectionWeights {
  /// In fp32, to be trained.
  case latent(UnsafePointer<Float>)
  /// As a checkpoint stores them, for predicting only.
  case stored(DenseWeights)
}

/// The place of a projection in its block; projections of one input share it.
enum ProjectionRole {
  case queryKeyValue, attentionOutput, gateUp, down

  var forward: StepOperation {
    switch self {
    case .queryKeyValue: .queryKeyValue
    case .attentionOutput: .attentionOutput
    case .gateUp: .gateUp
    case .down: .down
    }
  }

  var inputGradient: StepOperation {
    switch self {
    case .queryKeyValue: .queryKeyValueInputGradient
    case .attentionOutput: .attentionOutputInputGradient
    case .gateUp: .gateUpInputGradient
    case .down: .downInputGradient
    }
  }

  var weightGradient: StepOperation {
    switch self {
    case .queryKeyValue: .queryKeyValueWeightGradient
    case .attentionOutput: .attentionOutputWeightGradient
    case .gateUp: .gateUpWeightGradient
    case .down: .downWeightGradient
    }
  }
}
