"""Words by which talk of the household is recognised, folded: small letters, no accents."""

from __future__ import annotations

from collections.abc import Mapping

from jarvisd.types import Language


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# First names that are hardly ever another word. Those of saints, kings and stories are told apart by their company.
FIRST_NAMES = _set(
    """aaron abril adrian agustin aitana aitor alberto alejandra alejandro alfonso alfredo alicia alvaro amaia ana
    andrea andres angela antonia antonio ariadna arturo barbara beatriz begona belen benito bernardo borja bruno
    camila candela carla carlos carlota carolina catalina cecilia cesar clara claudia conchi cristina cristobal
    daniel daniela david diego domingo edu eduardo elena elisa eloy elsa emilia emilio emma enrique ernesto
    esteban esther eugenia eugenio eva fabian fatima federico felipe fernanda fernando fran francisca francisco
    gabriel gabriela gema gerardo gonzalo gorka guillermo gustavo hector hugo ignacio iker ines inma irene
    isabel isidro ismael ivan jacinto jaime javi javier jimena joaquin jorge jose josefa josefina juan juana
    juanma julia julian julio laia lara laura leire leonor leticia lidia lola lorena lorenzo lucas lucia luis
    luisa manolo manu manuel manuela marcela marcos margarita maria mariano marina mario marisa marta martin
    martina mateo matias mauricio maxi mercedes miguel mireia miriam monica montse nacho natalia nerea nicolas
    noa noelia nora nuria octavio olga pablo paco paloma pamela patricia patri paula paulina pedro pepa
    pepe rafa rafael ramiro ramon raquel raul rebeca ricardo roberto rocio rodrigo rogelio ruben rut sandra
    santi sara sebastian sergio silvia simon sofia sonia susana tamara teresa tomas valentina valeria vanesa
    veronica vicente victor xavi ximena yolanda charo chema lupe chelo nano fermin saul ainhoa unai koldo pol
    jordi merce neus roser xoan brais iria ahmed ali omar hassan aisha mohamed mohammed youssef karim leila
    priya raj arjun ananya wei ming yuki hiro kenji ingrid lars sven dmitri natasha giulia luca matteo francesca
    pierre amelie camille hans greta abigail adam alan albert alex alexander alice alison amanda amy andrew andy
    anna anne anthony arthur ashley becky ben benjamin betty bob bobby brandon brian bryan caitlin cameron carl
    carol caroline catherine charles charlie charlotte chloe chris christine christopher claire connor craig
    cynthia daisy dan danny dave deborah dennis derek diana donna dorothy doug dylan ed eddie edward eleanor
    elizabeth ellen ellie emily eric ethan evan fiona gareth gary gavin george gina greg gregory hannah harriet
    harry heather helen henry ian isaac isabella jacob jake james jamie jane janet jason jasmine jeff jennifer
    jenny jeremy jerry jess jessica jill jim jimmy joan joe joanna john johnny jonathan josh joshua joyce judy
    julie justin karen kate katherine kathy katie keith kelly ken kevin kyle lauren leo liam linda lisa liz
    lizzie logan louise lucy luke lynn maggie marcus margaret marie martha mary matt matthew max megan melissa
    mia michael michelle mike molly nancy naomi natalie nathan neil nick nicholas nicole nigel noah oliver
    olivia pam patrick paul peggy pete peter phil philip rachel ralph rebecca richard rob robert robin roger ron
    rosie roy russell ruth ryan sally sam samantha samuel sarah scott sean sharon shirley sophia sophie stacy
    stephanie stephen steve steven stuart sue susan suzanne ted teddy theo theresa thomas tim timothy tina toby
    tom tommy tony tracy trevor vanessa vera vincent wendy william zach zoe"""
)
# After a first name that is somebody of the house or its friends; any other word there is taken for a surname.
AFTER_NAME = _set(
    """a al ayer bien como con cumple cumplio cuando de del despues dice dijo el en entra era es esta estan estaba este
    estudia estuvo fue ha habia hace hasta hoy iba la le les llama llamo llega llegado llego lo los manana me mi
    mientras mucho nos no o para paso pero por porque puede que queda quiere recoge sabe sale se ser si sobre su
    sus tambien tarde te tenia tiene toca trabaja un una va vendra viene vino viva vive vuelve y ya about after
    again all and are around arrive arrived as ask asked at back be been before birthday born but buy by call
    called came can come comes could did do does doing eat every finish for from get gets go goes going gone got
    had has have he her here his home if in into is it just know late later leave leaves left like likes live
    lives love my next not now off on or our out over pick play plays s said saw say see she should so some
    speak start stay still take talk tell than that the their them then there they this to today told tomorrow
    tonight too up us use wake want wanted wants was we well went were what when where which while who will with
    work works would yesterday yet you your allergic angry happy ill sad sick tired upset worried wear wears
    wore dinner needs coming having working staying sleeping arriving leaving picking bringing eating playing
    need really always never mide conmigo contigo siempre nunca hizo cena usa despierto"""
)
# In front of a first name that may be somebody's of the house: what commands and questions are made of.
BEFORE_NAME = AFTER_NAME | _set(
    """text message email tell ask phone ring remind invite meet meeting help visit see pick mom dad uncle aunt cousin
    friend remember does did is was has because than dear hey our my son daughter wife husband brother sister
    manda avisa avisale dile pregunta preguntale recuerdale escribe escribele recoger recojo llamar invitar ver
    visitar quedado dijo hijo hija hermano hermana amigo amiga prima primo tia tio abuela abuelo mujer marido ni
    e u sin ante entre contra desde hacia segun mi tu esa ese quien dormida despierto regalo cumpleanos fiesta
    enfadada enfadado"""
)
# In front of a first name that belongs to the world and not to the house, or is talked about as a name.
BEFORE_WORLDLY_NAME = _set(
    """san santa santo saint st king queen prince princess emperor pope president sir lord dame lady rey reina principe
    princesa emperador emperatriz papa presidente don dona named called name names llamado llamada llame nombre
    nombres virgen huracan hurricane uncle aunt tio tia captain capitan profeta apostol isla islas island cape
    puerto"""
)
NUMBER_WORDS = _set(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred double triple oh cero uno
    una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete
    dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete
    veintiocho veintinueve treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento doscientos
    trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"""
)
# By which a text is taken to be in one of the two languages, or in none of them.
FUNCTION_WORDS: Mapping[Language, frozenset[str]] = {
    "es": _set("el la los las que de mi mis en es una por con para como cuando donde del esta y tengo"),
    "en": _set("the is my what how when i you of to and in for do does did are was at we"),
}
FOREIGN_WORDS = _set(
    """je suis est avec mon mes nous notre dans une pas elle ich bin ist und mein meine meiner nicht wir unser habe der
    ein eine io sono mio che nostro nostra abbiamo della gli eu meu minha nao uma nosso nossa voce estou tenho ik
    ben mijn het niet een wij onze"""
)
# Spanish words that end like a verb of the first person ("cené", "salí") and are none.
ACCENTED_OTHERS = _set(
    """qué sé té dé esté café bebé porqué josé comité puré paté chalé carné canapé puntapié consomé pedigrí andré
    beyoncé chimpancé así aquí ahí allí sí mí maní jabalí colibrí rubí bisturí israelí esquí iraní iraquí marroquí
    pakistaní haití tahití pirulí frenesí alhelí bengalí ceutí martí dalí sefardí rené olé clisé cliché cupé macramé
    suflé bufé minué quinqué parqué oboé aché salomé noé borné corsé peroné ají guaraní potosí zahorí caquí qatarí
    kuwaití yemení somalí nepalí balí"""
)
