"""From a file's name to its media type, the same on every host.

Python's ``mimetypes`` reads the host's own files and knows more or less from version to version, so the same name
would be served, and routed, differently here and there. This table is the package's own and nothing else is consulted.
The types are those registered with IANA (https://www.iana.org/assignments/media-types) or, where a format has none,
the one in common use.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from types import MappingProxyType

# Each entry is a subtype and its extensions; a lone word is both. An extension stands in one entry only.
_SUBTYPES = {
    "application": """
        atom+xml atom; avro; bson; cbor; cdfx+xml cdfx; dash+xml mpd; dicom dcm dicom; emma+xml emma; epub+zip epub;
        fdf; font-tdpfr pfr; geo+json geojson; geo+json-seq geojsonl geojsons; geopackage+sqlite3 gpkg; gml+xml gml;
        gpx+xml gpx; graphql graphql gql; gzip gz tgz taz tpz tar.gz warc.gz; hal+json hal; illustrator ai; inkml+xml
        ink inkml; ipfix; java-archive jar war ear; java-vm class; jose; json json map topojson avsc ipynb har; json5;
        jsonl jsonl ndjson; jwt; ld+json jsonld; mac-binhex40 hqx; mac-compactpro cpt; manifest+json webmanifest; marc
        mrc; mathematica nb ma mb; mathml+xml mathml mml; mbox; metalink4+xml meta4; mets+xml mets; mods+xml mods; mp21
        m21 mp21; mp4 mp4s m4p; msgpack msgpack mpk; msword doc dot wiz; musicxml; mxf; n-quads nq; n-triples nt;
        octet-stream a bin dll exe o so img deploy pkg dump elc bpk lib ko dylib pdb dat safetensors onnx orc; oda;
        oebps-package+xml opf; ogg ogx; onenote one onetoc2; owl+xml owl; oxps; patch-ops-error+xml xer; pdf;
        pem-certificate-chain pem; pgp-encrypted pgp; pgp-signature sig asc; pkcs10 p10 csr; pkcs12 p12 pfx; pkcs7-mime
        p7m p7c; pkcs7-signature p7s; pkcs8 p8; pkix-cert cer; pkix-crl crl; postscript eps ps; protobuf pb;
        python-pickle pickle pkl; rdf+xml rdf; relax-ng-compact-syntax rnc; rss+xml rss; rtf; sbml+xml sbml; schema+json
        schema.json; smil+xml smi smil; sparql-query rq; sql; tei+xml tei teicorpus; toml; trig; ttml+xml ttml dfxp;
        typescript d.ts d.mts d.cts cts; ubjson ubj; vnd.adobe.aftereffects.project aep; vnd.adobe.indesign-idml-package
        idml; vnd.amazon.ebook azw4; vnd.android.package-archive apk apks xapk; vnd.apache.arrow.file arrow feather;
        vnd.apache.arrow.stream arrows; vnd.apache.parquet parquet; vnd.api+json jsonapi; vnd.apple.installer+xml mpkg;
        vnd.apple.keynote key keynote; vnd.apple.mpegurl m3u8 m3u; vnd.apple.numbers numbers; vnd.apple.pages pages;
        vnd.apple.pkpass pkpass; vnd.bluetooth.ep.oob ep; vnd.cinderella cdy; vnd.comicbook+zip cbz; vnd.cups-ppd ppd;
        vnd.debian.binary-package deb udeb; vnd.efi.iso iso; vnd.ezpix-album ez2; vnd.flatpak flatpak; vnd.geogebra.file
        ggb; vnd.google-earth.kml+xml kml; vnd.google-earth.kmz kmz; vnd.iccprofile icc icm; vnd.ims.imsccv1p1 imscc;
        vnd.las las; vnd.laszip laz; vnd.lotus-1-2-3 123; vnd.mapbox-vector-tile mvt; vnd.mozilla.xul+xml xul;
        vnd.ms-cab-compressed cab; vnd.ms-excel xls xlb xlm xla xlc xlt xlw; vnd.ms-excel.addin.macroenabled.12 xlam;
        vnd.ms-excel.sheet.binary.macroenabled.12 xlsb; vnd.ms-excel.sheet.macroenabled.12 xlsm;
        vnd.ms-excel.template.macroenabled.12 xltm; vnd.ms-fontobject eot; vnd.ms-htmlhelp chm; vnd.ms-officetheme thmx;
        vnd.ms-outlook msg; vnd.ms-pki.seccat cat; vnd.ms-powerpoint ppt pot ppa pps pwz;
        vnd.ms-powerpoint.addin.macroenabled.12 ppam; vnd.ms-powerpoint.presentation.macroenabled.12 pptm;
        vnd.ms-powerpoint.slideshow.macroenabled.12 ppsm; vnd.ms-powerpoint.template.macroenabled.12 potm;
        vnd.ms-project mpp mpt; vnd.ms-visio.drawing vsdx; vnd.ms-word.document.macroenabled.12 docm;
        vnd.ms-word.template.macroenabled.12 dotm; vnd.ms-works wps wks wcm wdb; vnd.ms-xpsdocument xps;
        vnd.oasis.opendocument.chart odc; vnd.oasis.opendocument.database odb; vnd.oasis.opendocument.formula odf;
        vnd.oasis.opendocument.graphics odg; vnd.oasis.opendocument.graphics-template otg; vnd.oasis.opendocument.image
        odi; vnd.oasis.opendocument.presentation odp; vnd.oasis.opendocument.presentation-template otp;
        vnd.oasis.opendocument.spreadsheet ods; vnd.oasis.opendocument.spreadsheet-template ots;
        vnd.oasis.opendocument.text odt; vnd.oasis.opendocument.text-master odm; vnd.oasis.opendocument.text-template
        ott; vnd.openstreetmap.data+pbf osm.pbf pbf; vnd.openstreetmap.data+xml osm;
        vnd.openxmlformats-officedocument.presentationml.presentation pptx;
        vnd.openxmlformats-officedocument.presentationml.slide sldx;
        vnd.openxmlformats-officedocument.presentationml.slideshow ppsx;
        vnd.openxmlformats-officedocument.presentationml.template potx;
        vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx;
        vnd.openxmlformats-officedocument.spreadsheetml.template xltx;
        vnd.openxmlformats-officedocument.wordprocessingml.document docx;
        vnd.openxmlformats-officedocument.wordprocessingml.template dotx; vnd.palm pqa prc; vnd.pmtiles pmtiles; vnd.rar
        rar; vnd.recordare.musicxml mxl; vnd.rn-realmedia rm; vnd.sketch sketch; vnd.sqlite3 sqlite sqlite3 db db3
        mbtiles; vnd.sun.xml.calc sxc; vnd.sun.xml.draw sxd; vnd.sun.xml.impress sxi; vnd.sun.xml.writer sxw;
        vnd.tcpdump.pcap pcap cap dmp; vnd.visio vsd vst vss vsw; vnd.wordperfect wpd; voicexml+xml vxml; warc; wasm;
        wsdl+xml wsdl; x-7z-compressed 7z; x-abiword abw; x-ace-compressed ace; x-alz-compressed alz; x-anki apkg;
        x-appimage appimage; x-apple-diskimage dmg; x-arj arj; x-bcpio bcpio; x-bittorrent torrent; x-brotli br; x-bzip
        bz; x-bzip2 bz2 tbz tbz2 tar.bz2; x-bzip3 bz3; x-cbr cbr cba cbt cb7; x-chrome-extension crx; x-compress z
        tar.z; x-cpio cpio; x-csh csh; x-cue cue; x-dosexec scr; x-dvi dvi; x-fictionbook+xml fb2; x-font-bdf bdf;
        x-font-pcf pcf; x-font-type1 pfa pfb afm; x-freearc arc; x-gettext po; x-gettext-translation mo gmo; x-glyphs
        glyphs; x-gnumeric gnumeric; x-gtar gtar; x-hdf hdf hdf4; x-hdf5 h5 hdf5 he5; x-httpd-php php phtml; x-indesign
        indd; x-iwork-keynote-sfftemplate kth; x-java-jnlp-file jnlp; x-latex latex; x-lz4 lz4 tar.lz4; x-lzh-compressed
        lzh lha; x-lzip lz tar.lz; x-lzma lzma tlz; x-matlab-data mat; x-mif mif; x-mobipocket-ebook mobi azw azw3;
        x-ms-shortcut lnk; x-msaccess mdb accdb; x-msdownload com; x-msi msi msp; x-mspublisher pub; x-netcdf cdf nc
        nc4; x-ns-proxy-autoconfig pac; x-numpy-data npy npz; x-nzb nzb; x-perl pl pm; x-plist plist; x-pn-realaudio
        ram; x-python-code pyc pyo; x-python-wheel whl; x-qemu-disk qcow2; x-quarkxpressdata qxp qxd; x-r-data rdata rda
        rds; x-redhat-package-manager rpm; x-research-info-systems ris; x-ruby-gem gem; x-rzip rz; x-sas-data sas7bdat;
        x-sh sh; x-shapefile shp; x-shar shar; x-shockwave-flash swf; x-snappy-framed sz; x-spss-sav sav; x-stata-dta
        dta; x-stuffit sit sitx; x-subrip srt; x-sv4cpio sv4cpio; x-sv4crc sv4crc; x-tar tar; x-tcl tcl; x-tex tex;
        x-texinfo texi texinfo; x-troff roff t tr; x-troff-man man; x-troff-me me; x-troff-ms ms; x-ustar ustar;
        x-virtualbox-vdi vdi; x-virtualbox-vhd vhd vhdx; x-virtualbox-vmdk vmdk; x-wais-source src; x-x509-ca-cert crt
        der; x-xpinstall xpi; x-xz xz txz tar.xz; xhtml+xml xhtml xht; xliff+xml xlf xliff; xml xml xsd rng xpdl;
        xml-dtd dtd mod; xop+xml xop; xproc+xml xpl; xquery xq xquery; xslt+xml xsl xslt; xspf+xml xspf; yaml yaml yml;
        yang; zip; zstd zst tzst tar.zst
    """,
    "audio": """
        aac aac adts ass loas; ac3; aiff aif aifc aiff; amr; amr-wb awb; basic au snd; eac3; flac; matroska mka; midi
        mid midi kar rmi; mobile-xmf mxmf; mp4 m4a m4b mp4a f4a; mpeg mp3 mp2 mp2a mpga m2a m3a; ogg oga ogg spx; opus;
        qcelp qcp; scpls pls; vnd.digital-winds eol; vnd.dts dts; vnd.dts.hd dtshd; wav wav wave; webm weba; x-ape ape;
        x-audible aax aa; x-caf caf; x-dsf dsf; x-gsm gsm; x-mod it s3m xm; x-ms-wax wax; x-ms-wma wma; x-musepack mpc;
        x-pn-realaudio ra; x-soundfont sf2; x-tta tta; x-voc voc; x-wavpack wv
    """,
    "chemical": """
        x-cdx cdx; x-cif cif; x-cml cml; x-csml csml; x-fasta fasta fa fna faa; x-fastq fastq fq; x-mdl-molfile mol;
        x-mdl-sdfile sdf; x-pdb ent; x-xyz xyz
    """,
    "font": """
        collection ttc; otf; sfnt; ttf; woff; woff2
    """,
    "image": """
        apng; avif; avif-sequence avifs; bmp bmp dib; bpg; cgm; emf; fits fits fit fts; flif; g3fax g3; gif; heic;
        heic-sequence heics; heif heif hif; heif-sequence heifs; ief; jls; jp2 jp2 jpg2; jpeg jpg jpeg jpe jfif pjpeg
        pjp; jpm jpm jpgm; jpx jpx jpf; jxl; jxr jxr hdp wdp; ktx; ktx2; openraster ora; pict pct pic pict; png;
        prs.btif btif; qoi; svg+xml svg svgz; tiff tif tiff ome.tif ome.tiff; vnd.adobe.photoshop psd psb; vnd.djvu djvu
        djv; vnd.dwg dwg; vnd.dxf dxf; vnd.fastbidsheet fbs; vnd.microsoft.icon ico cur; vnd.ms-dds dds; vnd.radiance
        hdr rgbe; vnd.wap.wbmp wbmp; vnd.xiff xif; webp; wmf; x-adobe-dng dng; x-canon-cr2 cr2; x-canon-cr3 cr3;
        x-canon-crw crw; x-cmu-raster ras; x-dpx dpx; x-epson-erf erf; x-exr exr; x-fuji-raf raf; x-hasselblad-3fr 3fr
        fff; x-icns icns; x-kodak-dcr dcr kdc k25; x-krita kra; x-leaf-mos mos; x-leica-rwl rwl; x-mamiya-mef mef;
        x-minolta-mrw mrw; x-mrsid-image sid; x-nikon-nef nef nrw; x-olympus-orf orf; x-panasonic-rw2 rw2; x-pcx pcx;
        x-pentax-pef pef; x-phaseone-iiq iiq; x-portable-anymap pnm; x-portable-bitmap pbm; x-portable-floatmap pfm;
        x-portable-graymap pgm; x-portable-pixmap ppm; x-quicktime qti qtif; x-rgb rgb; x-samsung-srw srw; x-sigma-x3f
        x3f; x-sony-arw arw sr2 srf; x-tga tga icb vda; x-xbitmap xbm; x-xcf xcf; x-xfig xfig; x-xpixmap xpm;
        x-xwindowdump xwd
    """,
    "message": """
        rfc822 eml mht mhtml nws mime
    """,
    "model": """
        3mf; fbx; gltf+json gltf; gltf-binary glb; iges igs iges; jt; mesh msh mesh silo; mtl; obj; ply; step step stp;
        step+zip stpz; stl; u3d; vnd.collada+xml dae; vnd.dwf dwf; vnd.gdl gdl; vnd.parasolid.transmit.binary x_b;
        vnd.parasolid.transmit.text x_t; vnd.usd usd usda usdc; vnd.usdz+zip usdz; vrml wrl vrml; x-3ds 3ds; x-blend
        blend; x3d+fastinfoset x3db x3dbz; x3d+xml x3d; x3d-vrml x3dv x3dvz
    """,
    "text": """
        cache-manifest appcache manifest; calendar ics ifb; coffeescript coffee; css; csv; html html htm shtml;
        javascript js mjs cjs es; jsx; less; markdown md markdown mdown mkd; mdx; n3; org; plain txt text log conf def
        in list ini cfg bat cmd ksh diff patch adoc properties env; richtext rtx; sgml sgm sgml; shex;
        tab-separated-values tsv tab; troff mdoc; tsx; turtle ttl; uri-list uri uris urls; vcard vcard vcf; vnd.graphviz
        gv; vnd.in3d.3dml 3dml; vnd.wap.wml wml; vtt; x-asm s asm; x-bibtex bib; x-c c h cc cpp cxx hh hpp hxx;
        x-clojure clj cljs cljc edn; x-cmake cmake; x-csharp cs; x-dart dart; x-elixir ex exs; x-erlang erl hrl;
        x-fortran f for f77 f90; x-gcode gcode; x-go go; x-groovy groovy gradle; x-handlebars-template hbs handlebars;
        x-haskell hs; x-java java; x-jinja2 j2 jinja jinja2; x-julia jl; x-kotlin kt kts; x-lua lua; x-makefile mk mak;
        x-nim nim; x-opml opml; x-pascal pas p; x-powershell ps1 psm1 psd1; x-python py pyi pyw; x-r r; x-rst rst;
        x-ruby rb; x-rust rs; x-sass sass; x-scala scala; x-scss scss; x-setext etx; x-stylus styl; x-svelte svelte;
        x-swift swift; x-textile textile; x-uuencode uu; x-vcalendar vcs; x-vhdl vhdl; x-vtk vtk; x-vue vue; x-zig zig
    """,
    "video": """
        3gpp 3gp 3gpp; 3gpp2 3g2 3gpp2; av1 obu; h261; h263; h264 h264 264; h265 h265 265 hevc; jpeg jpgv; matroska mkv;
        matroska-3d mk3d; mj2 mj2 mjp2; mp2t ts m2ts m2t mts; mp4 mp4 mp4v mpg4 m4v f4v f4p; mpeg mpg mpeg mpe mpa m1v
        m2v mpv vob; ogg ogv ogm; quicktime mov qt; vnd.dvb.file dvb; vnd.fvt fvt; vnd.mpegurl mxu m4u;
        vnd.radgamettools.bink bik bk2; vnd.rn-realvideo rv; vnd.uvvu.mp4 uvu uvvu; vnd.vivo viv; webm; x-amv amv; x-dv
        dv dif; x-fli fli flc; x-flv flv; x-ivf ivf; x-mng mng; x-ms-asf asf asx; x-ms-wmv wmv; x-ms-wmx wmx; x-ms-wvx
        wvx; x-msvideo avi divx; x-sgi-movie movie; x-smv smv
    """,
}


def _read(subtypes: Mapping[str, str]) -> dict[str, str]:
    types: dict[str, str] = {}
    for top, entries in subtypes.items():
        for entry in entries.split(";"):
            subtype, *extensions = entry.split()
            types.update(dict.fromkeys(extensions or [subtype], f"{top}/{subtype}"))
    return types


TYPES: Mapping[str, str] = MappingProxyType(_read(_SUBTYPES))
"""Extension, in lower case and without its first dot (``"png"``, ``"tar.gz"``), to media type."""

_LONGEST = max(extension.count(".") for extension in TYPES) + 1


def extension(name: str) -> str | None:
    """Return the longest known extension of ``name``, in lower case and without its first dot; None if none is known.

    Dots that begin a file's name begin no extension: ``.png`` is a hidden file without one, as in ``os.path.splitext``.
    """
    parts = name.rpartition("/")[2].lower().lstrip(".").split(".")
    for start in range(max(1, len(parts) - _LONGEST), len(parts)):
        if (found := ".".join(parts[start:])) in TYPES:
            return found
    return None


def content_type(name: str) -> str | None:
    """Return the media type of a file of this name, such as ``image/png``; None if its extension is unknown."""
    found = extension(name)
    return None if found is None else TYPES[found]


@functools.lru_cache
def extensions(pattern: str) -> frozenset[str]:
    """Return the known extensions of a media type, or of all that ``video/*`` stands for, in lower case."""
    start = pattern.removesuffix("*") if pattern.endswith("/*") else None
    return frozenset(
        one for one, kind in TYPES.items() if (kind == pattern if start is None else kind.startswith(start))
    )


_ACTIVE_TYPES = """
    text/html text/xml application/xml application/xml-dtd text/xsl text/xml-external-parsed-entity
    application/xml-external-parsed-entity text/javascript application/javascript application/x-javascript
    text/x-javascript text/ecmascript application/ecmascript text/jscript text/livescript text/css text/vbscript
    application/wasm message/rfc822 multipart/related multipart/x-mixed-replace application/x-mimearchive
    application/x-shockwave-flash text/cache-manifest
"""
_ACTIVE = frozenset(_ACTIVE_TYPES.split())


def is_active(media_type: str) -> bool:
    """Return whether browsers run or apply files of this media type, which is in lower case: HTML, every XML with SVG
    and MathML, JavaScript, CSS, WebAssembly, MHTML (``message/rfc822``) and Flash."""
    return media_type in _ACTIVE or media_type.endswith("+xml")


def matches(media_type: str, patterns: Collection[str]) -> bool:
    """Return whether one of ``patterns`` is ``media_type``, or stands for it (``image/*``). A ``*`` never stands for an
    active type."""
    if media_type in patterns:
        return True
    return not is_active(media_type) and f"{media_type.partition('/')[0]}/*" in patterns
