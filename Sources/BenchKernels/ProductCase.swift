import ArgumentParser
import Kernels

/// The products of a training step.
enum ProductKind: String, CaseIterable, ExpressibleByArgument {
  /// BitLinear forward, int8 codes times trits.
  case forward
  /// dX = dY · trits.
  case inputGradient = "input-gradient"
  /// dW += dYᵀ · codes.
  case weightGradient = "weight-gradient"
  /// y = x · wᵀ of floats.
  case nt
  /// y = x · w of floats.
  case nn
  /// y += xᵀ · w of floats.
  case tn
}

/// One product: what is multiplied, and what it is judged by.
struct ProductCase {
  let name: String
  let kind: ProductKind
  let precision: ProductPrecision
  let m: Int
  let n: Int
  let k: Int

  var operations: Double { 2 * Double(m) * Double(n) * Double(k) }

  /// The peak of the instruction that does the work, in operations per second.
  func peak(of machine: MachinePeaks) -> Double {
    if kind == .forward { return machine.int8PerSecond }
    return switch precision {
    case .fp32: machine.fp32PerSecond
    case .bf16: machine.bf16PerSecond
    case .int16: machine.int16PerSecond
    }
  }

  /// All products of a step of `shape`: the projections' three, the head's three, and the
  /// projections' in full precision.
  static func all(of shape: KernelShape) -> [ProductCase] {
    var cases: [ProductCase] = []
    func add(
      _ part: String, _ kind: ProductKind, _ precision: ProductPrecision, _ m: Int, _ n: Int,
      _ k: Int
    ) {
      let suffix = kind == .forward ? "int8" : "\(precision)"
      cases.append(
        ProductCase(
          name: "\(shape.rawValue)/\(part)/\(kind.rawValue)/\(suffix)", kind: kind,
          precision: precision, m: m, n: n, k: k))
    }
    let tokens = shape.tokens
    for p in shape.projections {
      add(p.name, .forward, .bf16, tokens, p.outputs, p.inputs)
      for precision in [ProductPrecision.bf16, .int16, .fp32] {
        add(p.name, .inputGradient, precision, tokens, p.inputs, p.outputs)
        add(p.name, .weightGradient, precision, p.outputs, p.inputs, tokens)
      }
      add(p.name, .nt, .fp32, tokens, p.outputs, p.inputs)
    }
    let rows = shape.headTokens
    for precision in [ProductPrecision.bf16, .int16, .fp32] {
      add("head", .nt, precision, rows, shape.vocabulary, shape.hidden)
      add("head", .nn, precision, rows, shape.hidden, shape.vocabulary)
      add("head", .tn, precision, shape.vocabulary, shape.hidden, rows)
    }
    return cases
  }
}
