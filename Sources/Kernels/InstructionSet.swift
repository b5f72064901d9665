internal import CKernels
internal import Foundation

/// Which versions of the kernels run.
///
/// Every version of an integer kernel gives the same numbers; float products may differ within
/// rounding.
package enum InstructionSet: String, CaseIterable, Comparable, Sendable {
  /// Plain C: the specification.
  case scalar
  /// AVX2, FMA and F16C.
  case avx2
  /// AVX-512 F, BW, VL, DQ, VBMI, VNNI and BF16.
  case avx512

  /// The best that this CPU can run.
  package static let supported: InstructionSet =
    cpu_has_avx512() == 1 ? .avx512 : cpu_has_avx2() == 1 ? .avx2 : .scalar

  /// What this process runs: `supported`, or less when `BITNET_SIMD` asks for it. Chosen once.
  package static let active: InstructionSet = {
    let asked = ProcessInfo.processInfo.environment["BITNET_SIMD"].flatMap(Self.init(rawValue:))
    return min(asked ?? supported, supported)
  }()

  /// Those that this CPU can run, the slowest first.
  package static let available: [InstructionSet] = allCases.filter { $0 <= supported }

  package static func < (left: InstructionSet, right: InstructionSet) -> Bool {
    allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
  }

  /// The version of a kernel that this set runs.
  package func choose<Kernel>(_ scalar: Kernel, _ avx2: Kernel, _ avx512: Kernel) -> Kernel {
    switch self {
    case .scalar: scalar
    case .avx2: avx2
    case .avx512: avx512
    }
  }
}
