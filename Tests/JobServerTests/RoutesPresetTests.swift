import JobAPI
import Testing
import Transformer

struct RoutesPresetTests {
  @Test func `the presets that a spec may name are those that there are`() {
    let named = ModelPreset.allCases.map(\.rawValue)
    #expect(Set(named) == Set(ModelConfiguration.presetNames))
  }
}
