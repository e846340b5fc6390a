"""Names of people, schools and places of the demo district, and the words of its passwords. All invented or common."""


def _words(text: str) -> list[str]:
    return text.split()


GIVEN = _words("""
Aaliyah Adrián Aisha Alejandra Amara Amélie Anaïs Andrej Anh Ayaan Beatriz Björn Blessing Bronwyn Caleb Camila Chidi
Chloé Dae-jung Daniela Darius D'Andre Deepika Dmitri Elena Elif Eliška Emeka Emma Esperanza Ezra Fatima Felix Fionnuala
François Gabriela Giulia Hana Haruki Hiroshi Ibrahim Imani Inés Isabella Ivy Jamal Jasper Jesús Jin João Josephine Juan
Kaiya Keanu Khalid Kwame Laila Lars Léa Leilani Liam Linh Łukasz Mahalia Malik Marisol Mateo Maya Mei-Ling Miguel Minh
Mireille Mohamed Nadia Naveen Ngozi Nia Niamh Noor Oisín Olivia Oluwaseun Omar Paloma Priya Quang Rafael Rania Renée
Rosa Ruth Saanvi Samir Saoirse Selma Sofía Søren Tala Tariq Tess Thiago T’Keyah Tomás Tuấn Ulrike Uma Valentina Vikram
Wei Winona Ximena Yara Yuki Zainab Zoë
""")

FAMILY = _words("""
Abdullah Ahmadi Álvarez Andersson Begay Bianchi Brown Castillo Chang Chen Cohen Cruz Dantas D’Amico Davis Diallo
Dvořák Eriksen Etxeberria Fernández Flores Fontaine Garcia Goldberg Gómez González Guðmundsdóttir Gutiérrez Haddad
Hernández Hoàng Hughes Ibáñez Ivanova Jackson Jiménez Johnson Jovanović Kahananui Kaur Keller Khan Kim Kimura Kovács
Kowalski Lee Lefèvre Li López Mahlangu Martínez McAllister Mendoza Mensah Meyer Mohamed Morales Müller Murphy Nakamura
Navarro Nguyễn N’Diaye Nowak Núñez Okafor Olsen Ortiz O’Brien O'Connor O’Neill Park Patel Peña Pérez Petrov Popescu
Ramírez Reyes Richter Rivera Robinson Rodríguez Romero Rossi Saint-Pierre Sánchez Santos Sato Schmidt Sharma Silva Singh
Smith Sørensen Suzuki Tanaka Thompson Torres Tran Tsosie Ünal Vargas Vasquez Villanueva Walker Wang Washington Weiß
Williams Wójcik Wright Yamamoto Yang Yavuz Yoder Zhang Zieliński
""")

SCHOOL_PLACES = _words("""
Riverbend Cedar-Grove Lakeview Maple-Hill Harbor Prairie Northgate Stonebridge Willow-Creek Eastfield Summit Juniper
Oak-Park Clearwater Foothill Meadow-Brook Sycamore Westbrook Pine-Ridge Bayside Canyon Orchard Silver-Lake Birchwood
Fairview Hawthorne Copper-Hill Seaview Redwood Mill-Pond
""")

PASSWORD_WORDS = _words("""
acorn amber anchor apricot aspen badger bamboo basil beacon birch bison breeze candle canyon cedar cello cherry clover
cobalt comet copper coral cricket dahlia daisy dolphin ember falcon fennel fern fiddle finch garnet ginger glacier
granite harbor hazel heron hickory indigo island ivory jasmine juniper kayak kettle lagoon lantern lemon lilac lotus
magnet mango maple marble meadow mint nectar nutmeg oasis olive opal orbit orchid otter panda pebble pepper piano
pigeon poplar prairie quartz quince rabbit raven ribbon river robin saffron sandal sequoia silver spruce sparrow
tango teapot thicket thistle timber topaz tulip tundra umber velvet violet walnut willow zephyr
""")
