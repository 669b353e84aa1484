/// What happened to a hook that a person should know of.
public struct HookNews: Sendable {
  public let database: String
  /// Its name.
  public let hook: String
  /// Why `didCommit` failed, said once until it succeeds again; nil: it succeeded again. Its events come again until then.
  public let failure: String?
}
