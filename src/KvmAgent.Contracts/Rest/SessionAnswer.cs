namespace KvmAgent.Contracts.Rest;

/// <summary>A session of the web console.</summary>
/// <param name="User">Whose it is.</param>
/// <param name="Mark">What the header <c>X-Session-Mark</c> must be of each request that changes something.</param>
public sealed record SessionAnswer(string User, string Mark, DateTimeOffset Ends);
