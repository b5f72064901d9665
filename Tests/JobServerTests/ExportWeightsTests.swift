import JobAPI
import ModelFormats
import Testing

struct ExportWeightsTests {
  @Test func `the weights that a spec may name are those that there are`() {
    let known =
      GGUFWeights.allCases.map(\.rawValue) + HuggingFaceExport.Weights.allCases.map(\.rawValue)
    #expect(Set(ExportWeights.allCases.map(\.rawValue)) == Set(known))
    let dense = GGUFWeights.allCases.filter { !$0.isTernary }.map(\.rawValue)
    #expect(Set(ExportEmbeddings.allCases.map(\.rawValue)) == Set(dense))
  }
}
