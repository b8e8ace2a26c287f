using KvmAgent.Images;

namespace KvmAgent.Settings;

/// <summary>IMG_* as far as it says how an image's server is reached.</summary>
internal static class SourceAccessReader
{
    private const int MostConnections = 64;

    public static SourceAccess Read(SettingSource source, SettingParser parser)
    {
        var access = new SourceAccess
        {
            CaFile = File(Setting.ImgCaFile),
            HeadersFile = File(Setting.ImgHeadersFile),
            ClientCertificateFile = File(Setting.ImgClientCertFile),
            ClientKeyFile = File(Setting.ImgClientKeyFile),
            User = Text(Setting.ImgAccessKeyId),
            Password = Text(Setting.ImgSecretKey),
            RegistryAuthFile = File(Setting.RegistryAuthFile),
            S3Endpoint = Text(Setting.ImgS3Endpoint),
            S3Region = Text(Setting.ImgS3Region),
            InsecureTls = source.TryGet(Setting.ImgInsecureTls, out GivenValue insecure) && parser.Boolean(insecure),
            AllowAddresses = source.TryGet(Setting.ImgAllowAddress, out GivenValue allow) ? parser.Networks(allow) : [],
        };
        return source.TryGet(Setting.ImgConnections, out GivenValue connections)
            ? access with { Connections = parser.Integer(connections, 1, MostConnections) }
            : access;

        string? File(Setting setting) => source.TryGet(setting, out GivenValue given) ? parser.ExistingFile(given) : null;

        string? Text(Setting setting) => source.TryGet(setting, out GivenValue given) ? given.Text : null;
    }

    /// <summary>Without what is for one origin alone; each login in the registries' file has its own.</summary>
    public static SourceAccess WithoutSecrets(SourceAccess access) =>
        access with { HeadersFile = null, Headers = [], User = null, Password = null, BearerToken = null, ClientCertificateFile = null, ClientKeyFile = null };
}
