using KvmAgent.Settings;

namespace KvmAgent.Tests.Support;

/// <summary>Settings as an environment gives them.</summary>
internal static class Given
{
    public const string HostName = "Web-1.default.svc";

    public static VmSettings Settings(params (string Name, string Value)[] environment) => Read(environment).Settings;

    public static (VmSettings Settings, IReadOnlyList<string> Warnings) Read(params (string Name, string Value)[] environment) =>
        VmSettingsReader.Read(environment.ToDictionary(v => v.Name, v => v.Value), HostName);

    /// <summary>The errors, one a line.</summary>
    public static string[] Errors(params (string Name, string Value)[] environment)
    {
        var error = Should.Throw<AgentException>(() => Read(environment));
        error.Reason.ShouldBe(FailureReason.Settings);
        return error.Message.Split('\n');
    }
}
