import HostedTeachers
import JobAPI
import Testing

struct TeacherProviderTests {
  @Test func `specs name exactly the providers that there are`() {
    #expect(
      TeacherProvider.allCases.filter { $0 != .local }.map(\.rawValue)
        == HostedProvider.allCases.map(\.rawValue))
    #expect(HostedAPI.allCases.map(\.rawValue) == HostedProvider.API.allCases.map(\.rawValue))
  }
}
